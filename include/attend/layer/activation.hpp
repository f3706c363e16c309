/// What stands between projections.
#pragma once

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

enum class Activation { linear, tanh, relu };

/// Y = f(Y), element by element.
template <Scalar S>
void activate(Activation activation, View<S> Y) {
  if (activation == Activation::linear) return;
  const bool relu = activation == Activation::relu;
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
void activate_backward(Activation activation, ConstView<std::type_identity_t<S>> Y, View<S> dY) {
  if (activation == Activation::tanh) dY.array() *= S{1} - Y.array().square();
  if (activation == Activation::relu) dY.array() = (Y.array() > S{0}).select(dY.array(), S{0});
}

}  // namespace attend
