/// The affine map and an activation.
#pragma once

#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/layer/dense.hpp>

namespace attend::inline ATTEND_ABI {

/// What stands behind a projection.
enum class ProjectionActivation { linear, tanh, relu };

namespace detail {

/// Y = f(Y), element by element.
template <Scalar S>
void project_through(ProjectionActivation activation, View<S> Y) {
  if (activation == ProjectionActivation::linear) return;
  const bool relu = activation == ProjectionActivation::relu;
  for (Index n = 0; n < Y.cols(); ++n) {
    S* y = Y.col(n).data();
    packet::for_each_lane<S>(Y.rows(), [&](auto lane) {
      const auto x = lane.load(y);
      lane.store(y, relu ? packet::pmax(x, packet::fill<S>(0)) : packet::tanh(x));
    });
  }
}

/// y = f(a):  da = dy o f'(a), in place of dY; f' from the value: 1, 1 - y^2, or y > 0.
template <Scalar S>
void project_backward_through(ProjectionActivation activation, ConstView<std::type_identity_t<S>> Y,
                              View<S> dY) {
  if (activation == ProjectionActivation::linear) return;
  const bool relu = activation == ProjectionActivation::relu;
  const auto zero = packet::fill<S>(0);
  const auto one = packet::fill<S>(1);
  for (Index n = 0; n < Y.cols(); ++n) {
    const S* const value = Y.col(n).data();
    S* const d = dY.col(n).data();
    packet::for_each_lane<S>(Y.rows(), [&](auto lane) {
      const auto y = lane.load(value);
      const auto dy = lane.load(d);
      lane.store(d, relu ? packet::where_less(zero, y, dy, zero)
                         : packet::pmul(dy, packet::psub(one, packet::pmul(y, y))));
    });
  }
}

}  // namespace detail

/// Y = f(W X + b). W (output x input), b (output).
template <Scalar S>
struct Projection {
  Dense<S> dense;

  Projection() = default;
  Projection(DenseConfig config, ProjectionActivation activation, Random& random)
      : dense(config, random), activation_(activation) {}

  static void parameters(auto&& f, auto&... m) {
    f("W", m.dense.W...);
    f("b", m.dense.b...);
  }

  [[nodiscard]] Index input_size() const { return dense.W.cols(); }
  [[nodiscard]] Index output_size() const { return dense.W.rows(); }
  [[nodiscard]] ProjectionActivation activation() const { return activation_; }

  /// X (input x N); overwrites Y (output x N), which the way back needs. Throws ShapeError.
  void forward(ConstView<S> X, View<S> Y) const {
    dense.forward(X, Y);
    detail::project_through<S>(activation_, Y);
  }

  /// y = f(W x + b):  dY becomes the gradient of W x + b; then as Dense. Adds to dX, `gradient`.
  void backward(const Projection& transposed, ConstView<S> X, ConstView<S> Y, View<S> dY,
                View<S> dX, Projection& gradient) const {
    detail::project_backward_through<S>(activation_, Y, dY);
    dense.backward(transposed.dense, X, dY, dX, gradient.dense);
  }

 private:
  ProjectionActivation activation_ = ProjectionActivation::linear;
};

}  // namespace attend
