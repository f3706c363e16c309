/// The affine map and an activation.
#pragma once

#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/layer/activation.hpp>
#include <attend/layer/dense.hpp>

namespace attend::inline ATTEND_ABI {

/// Y = f(W X + b). W (output x input), b (output).
template <Scalar S>
struct Projection {
  Dense<S> dense;

  Projection() = default;
  Projection(DenseConfig config, Activation activation, Random& random)
      : dense(config, random), activation_(activation) {}

  static void parameters(auto&& f, auto&... m) {
    f("W", m.dense.W...);
    f("b", m.dense.b...);
  }

  [[nodiscard]] Index input_size() const { return dense.W.cols(); }
  [[nodiscard]] Index output_size() const { return dense.W.rows(); }
  [[nodiscard]] Activation activation() const { return activation_; }

  /// X (input x N); overwrites Y (output x N), which the way back needs. Throws ShapeError.
  void forward(ConstView<S> X, View<S> Y) const {
    dense.forward(X, Y);
    activate(activation_, Y);
  }

  /// y = f(W x + b):  dY becomes the gradient of W x + b; then as Dense. Adds to dX, `gradient`.
  void backward(const Projection& transposed, ConstView<S> X, ConstView<S> Y, View<S> dY,
                View<S> dX, Projection& gradient) const {
    activate_backward(activation_, Y, dY);
    dense.backward(transposed.dense, X, dY, dX, gradient.dense);
  }

 private:
  Activation activation_ = Activation::linear;
};

}  // namespace attend
