/// Additive energies without a tanh in the loop.
///
/// tanh(a + b) = 1 - 2 r with r = 1 / x, x = 1 + e^2a e^2b, the powers of keys and queries taken
/// once. Four elements share one reciprocal: v_1/x_1 + v_2/x_2 = (v_1 x_2 + v_2 x_1) / (x_1 x_2),
/// and two such fractions make one again. `a` and `b` are clamped to +-exponent_limit so that the
/// powers stay finite and non-zero, x is capped so that its products do: exact to rounding while
/// both are within the limit. The energy's error is below 6 epsilon x sum |v_i|.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
inline constexpr S exponent_limit = std::is_same_v<S, float> ? S(43) : S(350);

/// X = e^(2 clamp(X)), in place.
template <Scalar S>
void double_powers(View<S> X) {
  const auto limit = packet::fill<S>(exponent_limit<S>);
  const auto lowest = packet::fill<S>(-exponent_limit<S>);
  for (Index n = 0; n < X.cols(); ++n) {
    S* x = X.data() + n * X.outerStride();
    packet::for_each_lane<S>(X.rows(), [&](auto lane) {
      const auto a = packet::pmin(packet::pmax(lane.load(x), lowest), limit);
      lane.store(x, packet::exp(packet::padd(a, a)));
    });
  }
}

namespace detail {

/// The largest x whose fourth power still has a reciprocal; 1/x is then nothing beside 1. And the
/// largest for gradients, which 4/x is.
template <Scalar S>
inline constexpr S energy_cap = std::is_same_v<S, float> ? S(1e9) : S(1e75);
template <Scalar S>
inline constexpr S gradient_cap = std::is_same_v<S, float> ? S(1e18) : S(1e150);

/// x = 1 + e^2a e^2b, capped.
template <class P, class S = typename Eigen::internal::unpacket_traits<P>::type>
EIGEN_ALWAYS_INLINE P additive_denominator(const P& key, const P& query, S cap) {
  return packet::pmin(packet::multiply_add(key, query, packet::fill<S>(1)), packet::fill<S>(cap));
}

/// Features whose fractions share a reciprocal.
template <Scalar S>
inline constexpr Index shared_features = 4 * packet::width<S>;

template <Scalar S>
struct Fraction {
  packet::Packet<S> numerator;
  packet::Packet<S> denominator;

  /// a + b.
  [[nodiscard]] friend EIGEN_ALWAYS_INLINE Fraction operator+(const Fraction& a,
                                                              const Fraction& b) {
    return {
        packet::multiply_add(a.numerator, b.denominator, packet::pmul(b.numerator, a.denominator)),
        packet::pmul(a.denominator, b.denominator)};
  }
};

/// E[t] = sum v + 2 sum_i v_i (-1/x_i), four packets of features at a time; `beside(i)` does
/// something else beside the packets from feature i on.
template <int Keys, Scalar S, class Beside>
inline void additive_tile(Index d, const S* K, Index K_stride, const S* A, const S* v, S sum_v,
                          S* E, Beside&& beside) {
  using packet::load, packet::multiply_add;
  using P = packet::Packet<S>;
  constexpr Index w = packet::width<S>;
  P sums[Keys];
#pragma GCC unroll 4
  for (int t = 0; t < Keys; ++t) sums[t] = packet::fill<S>(0);
  Index i = 0;
  for (; i + shared_features<S> <= d; i += shared_features<S>) {
#pragma GCC unroll 4
    for (int t = 0; t < Keys; ++t) {
      const S* key = K + t * K_stride;
      const auto fraction = [&](Index at) -> Fraction<S> {
        return {load<S>(v + at),
                additive_denominator(load<S>(key + at), load<S>(A + at), energy_cap<S>)};
      };
      const Fraction<S> all =
          (fraction(i) + fraction(i + w)) + (fraction(i + 2 * w) + fraction(i + 3 * w));
      sums[t] = multiply_add(all.numerator, packet::negative_reciprocal(all.denominator), sums[t]);
    }
    beside(i);
  }
  packet::for_each_lane<S>(d - i, [&](auto lane) ATTEND_INLINE_LAMBDA {
    const P query = lane.load(A + i);
    const P weight = lane.load(v + i);
#pragma GCC unroll 4
    for (int t = 0; t < Keys; ++t) {
      const P x = additive_denominator(lane.load(K + t * K_stride + i), query, energy_cap<S>);
      sums[t] = multiply_add(weight, packet::negative_reciprocal(x), sums[t]);
    }
  });
#pragma GCC unroll 4
  for (int t = 0; t < Keys; ++t) E[t] = sum_v + 2 * packet::sum(sums[t]);
}

}  // namespace detail

/// E(t, u) = sum_i v_i tanh(a_it + b_iu), with K = e^2a (d_e x n) and A = e^2b (d_e x U); v (d_e);
/// overwrites E (n x U). The bits of an element depend on its two columns alone.
template <Scalar S>
void additive_energies(ConstView<std::type_identity_t<S>> K, ConstView<std::type_identity_t<S>> A,
                       const Vector<S>& v, View<std::type_identity_t<S>> E) {
  check_shape("additive_energies", "K", K, v.size(), E.rows());
  check_shape("additive_energies", "A", A, v.size(), E.cols());
  constexpr int keys = 4;
  const S sum_v = v.sum();
  const auto nothing = [](Index) {};
  for (Index u = 0; u < E.cols(); ++u) {
    const S* query = A.data() + u * A.outerStride();
    S* energy = E.data() + u * E.outerStride();
    Index t = 0;
    const auto key = [&] { return K.data() + t * K.outerStride(); };
    for (; t + keys <= E.rows(); t += keys) {
      detail::additive_tile<keys, S>(K.rows(), key(), K.outerStride(), query, v.data(), sum_v,
                                     energy + t, nothing);
    }
    for (; t < E.rows(); ++t) {
      detail::additive_tile<1, S>(K.rows(), key(), K.outerStride(), query, v.data(), sum_v,
                                  energy + t, nothing);
    }
  }
}

/// The energies e (n) of one query a (d_e), and a weighted sum, whose values have any size, at
/// once: the energies compute while the values are read. The bits are those of `additive_energies`
/// and `add_weighted_columns`.
template <Scalar S>
void additive_energies_beside_sum(ConstView<S> K, const S* a, const Vector<S>& v, S* e,
                                  const WeightedSum<S>& sum) {
  constexpr int keys = 4;
  constexpr Index w = packet::width<S>;
  constexpr Index together = detail::shared_features<S>;
  const ConstView<S>& V = sum.V;
  const Index both = std::min(K.cols(), V.cols()) / keys * keys;
  const Index rows = std::min(K.rows(), V.rows()) / together * together;
  const S sum_v = v.sum();
  for (Index t = 0; t < both; t += keys) {
    const detail::WeightedColumns<keys, S> columns(V.data() + t * V.outerStride(), V.outerStride(),
                                                   sum.a + t, sum.c);
    detail::additive_tile<keys, S>(K.rows(), K.data() + t * K.outerStride(), K.outerStride(), a,
                                   v.data(), sum_v, e + t, [&](Index i) {
                                     if (i >= rows) return;
                                     for (Index at = i; at < i + together; at += w)
                                       columns.add(packet::Lane<S>{at});
                                   });
    packet::for_each_lane<S>(V.rows() - rows, [&](auto lane) {
      lane.i += rows;
      columns.add(lane);
    });
  }
  const Index left = K.cols() - both;
  additive_energies<S>(K.rightCols(left), ConstView<S>(a, K.rows(), 1, K.rows()), v,
                       View<S>(e + both, left, 1, left));
  sum.add_from(both);
}

/// y = tanh(a + b) = 1 - 2r, dy/da = 1 - y^2 = 4 r (1 - r):
///     dv_i += dE y,   da_it += dE v_i (1 - y^2),   db_iu += the same.
/// dE (n x U); adds to dK (d_e x n) and dA (d_e x U), the gradients of a and b, and to dv.
template <Scalar S>
void additive_energies_backward(ConstView<std::type_identity_t<S>> K,
                                ConstView<std::type_identity_t<S>> A, const Vector<S>& v,
                                ConstView<std::type_identity_t<S>> dE,
                                View<std::type_identity_t<S>> dK, View<std::type_identity_t<S>> dA,
                                Vector<S>& dv) {
  const auto one = packet::fill<S>(1);
  const auto two = packet::fill<S>(2);
  for (Index u = 0; u < dE.cols(); ++u) {
    const S* query = A.data() + u * A.outerStride();
    S* d_query = dA.data() + u * dA.outerStride();
    packet::for_each_lane<S>(v.size(), [&](auto lane) ATTEND_INLINE_LAMBDA {
      using packet::multiply_add, packet::pmul;
      const auto b = lane.load(query);
      const auto minus_four_v = pmul(packet::fill<S>(-4), lane.load(v.data()));
      auto db = lane.load(d_query);
      auto d_weight = lane.load(dv.data());
      for (Index t = 0; t < dE.rows(); ++t) {
        // s = -r:  y = 1 + 2 s,  4 r (1 - r) = -4 s (1 + s).
        const auto s = packet::negative_reciprocal(detail::additive_denominator(
            lane.load(K.data() + t * K.outerStride()), b, detail::gradient_cap<S>));
        const auto d = packet::fill<S>(dE(t, u));
        const auto da = pmul(pmul(d, minus_four_v), multiply_add(s, s, s));
        d_weight = multiply_add(d, multiply_add(two, s, one), d_weight);
        db = packet::padd(db, da);
        lane.add(dK.data() + t * dK.outerStride(), da);
      }
      lane.store(d_query, db);
      lane.store(dv.data(), d_weight);
    });
  }
}

}  // namespace attend
