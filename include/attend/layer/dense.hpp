/// The affine map.
#pragma once

#include <cmath>

#include <attend/core/initialize.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

struct DenseConfig {
  Index input = 0;
  Index output = 0;
};

/// Y = W X + b. W (output x input), b (output).
template <Scalar S>
struct Dense {
  PanelMatrix<S> W;
  Vector<S> b;

  Dense() = default;
  Dense(DenseConfig config, Random& random)
      : W(config.output, config.input), b(Vector<S>::Zero(config.output)) {
    initialize_glorot(W, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("b", m.b...);
  }

  /// X (input x N); overwrites Y (output x N). Throws ShapeError.
  void forward(ConstView<S> X, View<S> Y) const {
    check_shape("Dense::forward", "Y", Y, W.rows(), X.cols());
    multiply(W, X, b, Y);
  }

  /// Y = W X + b:  dX += W' dY, dW += dY X', db += sum of the columns of dY.
  void backward(const Dense& transposed, ConstView<S> X, ConstView<S> dY, View<S> dX,
                Dense& gradient) const {
    multiply_add(transposed.W, dY, dX);
    add_outer<S>(dY, X, gradient.W);
    add_columns(dY, gradient.b);
  }
};

}  // namespace attend
