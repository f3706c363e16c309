/// Dual numbers: derivatives that a function computes beside its value.
#pragma once

#include <array>
#include <cmath>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// x + sum_i d_i eps_i with eps_i eps_j = 0: the value of a function and its derivatives by N
/// variables (forward mode; Clifford 1873). A function written for any scalar type gives its
/// derivatives when it is called with these; Eigen's vectors take them as scalars.
template <Scalar S, int N>
struct Dual {
  S value = 0;
  std::array<S, N> d{};

  Dual() = default;
  Dual(S x) : value(x) {}  // NOLINT(google-explicit-constructor)
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, S>)  //
      Dual(T x)                                             // NOLINT(google-explicit-constructor)
      : value(static_cast<S>(x)) {}

  /// Variable i of the N.
  static Dual variable(S x, int i) {
    Dual v(x);
    v.d[static_cast<std::size_t>(i)] = 1;
    return v;
  }

  /// f(x), given f and f' at its value.
  [[nodiscard]] Dual chain(S f, S slope) const {
    Dual y(f);
    for (std::size_t i = 0; i < N; ++i) y.d[i] = slope * d[i];
    return y;
  }

  Dual& operator+=(const Dual& o) {
    for (std::size_t i = 0; i < N; ++i) d[i] += o.d[i];
    value += o.value;
    return *this;
  }
  Dual& operator-=(const Dual& o) {
    for (std::size_t i = 0; i < N; ++i) d[i] -= o.d[i];
    value -= o.value;
    return *this;
  }
  Dual& operator*=(const Dual& o) {
    for (std::size_t i = 0; i < N; ++i) d[i] = d[i] * o.value + value * o.d[i];
    value *= o.value;
    return *this;
  }
  Dual& operator/=(const Dual& o) {
    const S ratio = value / o.value;
    for (std::size_t i = 0; i < N; ++i) d[i] = (d[i] - ratio * o.d[i]) / o.value;
    value = ratio;
    return *this;
  }

  friend Dual operator+(Dual a, const Dual& b) { return a += b; }
  friend Dual operator-(Dual a, const Dual& b) { return a -= b; }
  friend Dual operator*(Dual a, const Dual& b) { return a *= b; }
  friend Dual operator/(Dual a, const Dual& b) { return a /= b; }
  friend Dual operator-(const Dual& a) { return a.chain(-a.value, -1); }
  friend bool operator==(const Dual& a, const Dual& b) { return a.value == b.value; }
  friend auto operator<=>(const Dual& a, const Dual& b) { return a.value <=> b.value; }

  friend Dual exp(const Dual& x) {
    const S y = std::exp(x.value);
    return x.chain(y, y);
  }
  friend Dual log(const Dual& x) { return x.chain(std::log(x.value), 1 / x.value); }
  friend Dual log1p(const Dual& x) { return x.chain(std::log1p(x.value), 1 / (1 + x.value)); }
  friend Dual sqrt(const Dual& x) {
    const S y = std::sqrt(x.value);
    return x.chain(y, 1 / (2 * y));
  }
  friend Dual tanh(const Dual& x) {
    const S y = std::tanh(x.value);
    return x.chain(y, 1 - y * y);
  }
  friend Dual sin(const Dual& x) { return x.chain(std::sin(x.value), std::cos(x.value)); }
  friend Dual cos(const Dual& x) { return x.chain(std::cos(x.value), -std::sin(x.value)); }
  friend Dual pow(const Dual& x, S power) {
    return x.chain(std::pow(x.value, power), power * std::pow(x.value, power - 1));
  }
  friend Dual abs(const Dual& x) { return x.value < 0 ? -x : x; }
  // What Eigen asks of a scalar.
  friend Dual abs2(const Dual& x) { return x * x; }
  friend const Dual& conj(const Dual& x) { return x; }
  friend const Dual& real(const Dual& x) { return x; }
  friend Dual imag(const Dual&) { return {}; }
};

}  // namespace attend

namespace Eigen {

template <class S, int N>
struct NumTraits<attend::Dual<S, N>> : NumTraits<S> {
  using Real = attend::Dual<S, N>;
  using NonInteger = attend::Dual<S, N>;
  using Nested = attend::Dual<S, N>;
  using Literal = attend::Dual<S, N>;
  enum {
    // NOLINTBEGIN(readability-identifier-naming): Eigen's names.
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = N + 1,
    AddCost = N + 1,
    MulCost = 2 * N + 1
    // NOLINTEND(readability-identifier-naming)
  };
};

template <class S, int N, class Operation>
struct ScalarBinaryOpTraits<attend::Dual<S, N>, S, Operation> {
  using ReturnType = attend::Dual<S, N>;
};
template <class S, int N, class Operation>
struct ScalarBinaryOpTraits<S, attend::Dual<S, N>, Operation> {
  using ReturnType = attend::Dual<S, N>;
};

}  // namespace Eigen
