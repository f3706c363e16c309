/// The non-linear functions of feed-forward networks.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// relu: max(x, 0). gelu: x Phi(x), Phi the normal distribution, by erf (Hendrycks, Gimpel 2016,
/// arXiv 1606.08415). gelu_tanh: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the same paper's
/// approximation. silu: x sigmoid(x). sigmoid: 1/(1 + e^-x).
enum class Activation : std::uint8_t { relu, gelu, gelu_tanh, silu, sigmoid };

/// The value of an activation and its slope.
template <Scalar S>
struct ValueAndSlope {
  packet::Packet<S> value;
  packet::Packet<S> slope;
};

namespace detail {

/// f(x) and f'(x) for a packet.
template <Activation kind, Scalar S>
[[nodiscard]] EIGEN_ALWAYS_INLINE auto activation_of(const packet::Packet<S>& x) {
  using P = packet::Packet<S>;
  using packet::multiply_add, packet::padd, packet::pmul, packet::psub;
  const P zero = packet::fill<S>(0);
  const P one = packet::fill<S>(1);
  if constexpr (kind == Activation::relu) {
    // Exactly 1 above zero and 0 elsewhere: what is positive is no denormal times the largest.
    const P steep = pmul(packet::pmax(x, zero), packet::fill<S>(std::numeric_limits<S>::max()));
    return ValueAndSlope<S>{packet::pmax(x, zero), packet::pmin(steep, one)};
  } else if constexpr (kind == Activation::gelu) {
    alignas(64) S at[packet::width<S>];
    alignas(64) S phi[packet::width<S>];
    packet::store<S>(static_cast<S*>(at), x);
    constexpr S half_root = static_cast<S>(std::numbers::sqrt2 / 2);
    for (Index i = 0; i < packet::width<S>; ++i) {
      phi[i] = S{0.5} * std::erfc(-at[i] * half_root);
    }
    const P below = packet::load(static_cast<const S*>(phi));
    const P half_square = pmul(packet::fill<S>(S{-0.5}), pmul(x, x));
    const auto peak = static_cast<S>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    const P density = pmul(packet::fill<S>(peak), packet::exp(half_square));
    return ValueAndSlope<S>{pmul(x, below), multiply_add(x, density, below)};
  } else if constexpr (kind == Activation::gelu_tanh) {
    constexpr double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
    const P linear = packet::fill<S>(static_cast<S>(root));
    const P cubic = packet::fill<S>(static_cast<S>(root * 0.044715));
    const P square = pmul(x, x);
    const P t = packet::tanh(pmul(x, multiply_add(cubic, square, linear)));
    const P half = packet::fill<S>(S{0.5});
    const P below = multiply_add(half, t, half);
    const P inner = multiply_add(pmul(packet::fill<S>(3), cubic), square, linear);
    const P bend = pmul(pmul(half, psub(one, pmul(t, t))), inner);
    return ValueAndSlope<S>{pmul(x, below), multiply_add(x, bend, below)};
  } else if constexpr (kind == Activation::silu) {
    const P s = packet::sigmoid(x);
    return ValueAndSlope<S>{pmul(x, s), pmul(s, multiply_add(x, psub(one, s), one))};
  } else {
    const P s = packet::sigmoid(x);
    return ValueAndSlope<S>{s, pmul(s, psub(one, s))};
  }
}

/// Calls `body` with the kind as a constant.
template <class Body>
void with_activation(Activation kind, Body&& body) {
  using enum Activation;
  using std::integral_constant;
  switch (kind) {
    case relu:
      return body(integral_constant<Activation, relu>());
    case gelu:
      return body(integral_constant<Activation, gelu>());
    case gelu_tanh:
      return body(integral_constant<Activation, gelu_tanh>());
    case silu:
      return body(integral_constant<Activation, silu>());
    default:
      return body(integral_constant<Activation, sigmoid>());
  }
}

}  // namespace detail

/// h = f(a) for n elements, or f(a) o c where c is not null.
template <Scalar S>
void activate(Activation kind, Index n, const S* a, const S* c, S* h) {
  detail::with_activation(kind, [&](auto constant) {
    packet::for_each_lane<S>(n, [&](auto lane) {
      const auto f = detail::activation_of<constant(), S>(lane.load(a)).value;
      lane.store(h, c == nullptr ? f : packet::pmul(f, lane.load(c)));
    });
  });
}

/// What `activate` read, and the gradient of what it wrote; c may be null.
template <Scalar S>
struct ActivationPass {
  const S* a;
  const S* c;
  const S* dh;
};

/// h = f(a) [o c]:  da = dh [o c] o f'(a), dc = dh o f(a); overwrites both (dc only with c).
template <Scalar S>
void activate_backward(Activation kind, Index n, ActivationPass<S> pass, S* da, S* dc) {
  detail::with_activation(kind, [&](auto constant) {
    packet::for_each_lane<S>(n, [&](auto lane) {
      const auto f = detail::activation_of<constant(), S>(lane.load(pass.a));
      auto dh = lane.load(pass.dh);
      if (pass.c != nullptr) {
        lane.store(dc, packet::pmul(dh, f.value));
        dh = packet::pmul(dh, lane.load(pass.c));
      }
      lane.store(da, packet::pmul(dh, f.slope));
    });
  });
}

}  // namespace attend
