/// Additive energies without a tanh in the loop.
///
/// tanh(a + b) = 1 - 2 r with r = 1 / x, x = 1 + e^2a e^2b, the powers of keys and queries taken
/// once. Four elements share one reciprocal: v_1/x_1 + v_2/x_2 = (v_1 x_2 + v_2 x_1) / (x_1 x_2),
/// and two such fractions make one again. `a` and `b` are clamped to +-exponent_limit so that the
/// powers stay finite and non-zero: exact to rounding while both are within the limit. Where a
/// product of four x is too large for a reciprocal, the energy is made again from capped ones. Its
/// error is below 6 epsilon x sum |v_i|.
#pragma once

#include <algorithm>

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

/// The largest product of four x that is divided by: numerators stay finite beside it.
template <Scalar S>
inline constexpr S denominator_limit = std::is_same_v<S, float> ? S(1e30) : S(1e280);
/// The largest x whose fourth power still has a reciprocal; 1/x is then nothing beside 1. And the
/// largest for gradients, which 4/x is.
template <Scalar S>
inline constexpr S energy_cap = std::is_same_v<S, float> ? S(1e9) : S(1e75);
template <Scalar S>
inline constexpr S gradient_cap = std::is_same_v<S, float> ? S(1e18) : S(1e150);

/// x = 1 + e^2a e^2b, and capped.
template <class P, class S = typename Eigen::internal::unpacket_traits<P>::type>
EIGEN_ALWAYS_INLINE P additive_denominator(const P& key, const P& query) {
  return packet::multiply_add(key, query, packet::fill<S>(1));
}
template <class P, class S = typename Eigen::internal::unpacket_traits<P>::type>
EIGEN_ALWAYS_INLINE P additive_denominator(const P& key, const P& query, S cap) {
  return packet::pmin(additive_denominator(key, query), packet::fill<S>(cap));
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

/// One query's features: a = e^2b and v, both d long.
template <Scalar S>
struct AdditiveQuery {
  Index d;
  const S* a;
  const S* v;
  S sum_v;
};

/// Of what the sums are made: of x as they come; the same, but clipping products beyond the limit,
/// whose reciprocals, denormal, are slow; of capped x.
enum class Denominators { any, clipped, capped };

/// sums[t] = sum_i v_i (-1/x_i) in packets, four packets of features at a time; `beside(i)` does
/// something else beside the packets from feature i on. The largest denominators, of all keys or of
/// each, go to `most`.
template <Denominators Kind, int Keys, int Several, Scalar S, class Beside>
EIGEN_ALWAYS_INLINE void additive_sums(const AdditiveQuery<S>& query, const S* K, Index K_stride,
                                       packet::Packet<S> (&sums)[Keys],
                                       packet::Packet<S> (&most)[Several], Beside&& beside) {
  static_assert(Several == 1 || Several == Keys);
  using packet::load, packet::multiply_add;
  using P = packet::Packet<S>;
  constexpr Index w = packet::width<S>;
  const Index d = query.d;
  const S* const a = query.a;
  const S* const v = query.v;
#pragma GCC unroll 4
  for (int t = 0; t < Keys; ++t) sums[t] = most[t % Several] = packet::fill<S>(0);
  Index i = 0;
  for (; i + shared_features<S> <= d; i += shared_features<S>) {
#pragma GCC unroll 4
    for (int t = 0; t < Keys; ++t) {
      const S* key = K + t * K_stride;
      const auto fraction = [&](Index at) ATTEND_INLINE_LAMBDA -> Fraction<S> {
        const P k = load<S>(key + at);
        const P q = load<S>(a + at);
        if constexpr (Kind == Denominators::capped) {
          return {load<S>(v + at), additive_denominator(k, q, energy_cap<S>)};
        }
        return {load<S>(v + at), additive_denominator(k, q)};
      };
      const Fraction<S> all =
          (fraction(i) + fraction(i + w)) + (fraction(i + 2 * w) + fraction(i + 3 * w));
      most[t % Several] = packet::pmax(most[t % Several], all.denominator);
      const P divisor = Kind == Denominators::clipped
                            ? packet::pmin(all.denominator, packet::fill<S>(denominator_limit<S>))
                            : all.denominator;
      sums[t] = multiply_add(all.numerator, packet::negative_reciprocal(divisor), sums[t]);
    }
    beside(i);
  }
  packet::for_each_lane<S>(d - i, [&](auto lane) ATTEND_INLINE_LAMBDA {
    const P q = lane.load(a + i);
    const P weight = lane.load(v + i);
#pragma GCC unroll 4
    for (int t = 0; t < Keys; ++t) {
      const P x = additive_denominator(lane.load(K + t * K_stride + i), q, energy_cap<S>);
      sums[t] = multiply_add(weight, packet::negative_reciprocal(x), sums[t]);
    }
  });
}

/// NaN too, which some machines' maxima keep and others lose.
template <Scalar S>
[[nodiscard]] EIGEN_ALWAYS_INLINE bool too_large(const packet::Packet<S>& most) {
  return !(packet::largest(most) <= denominator_limit<S>);
}

/// The same sums, but of capped denominators for the keys whose products are too large.
template <int Keys, Scalar S>
[[gnu::noinline]] void cap_additive_sums(const AdditiveQuery<S>& query, const S* K, Index K_stride,
                                         packet::Packet<S> (&sums)[Keys]) {
  const auto nothing = [](Index) {};
  packet::Packet<S> most[Keys];
  packet::Packet<S> capped[Keys];
  additive_sums<Denominators::capped>(query, K, K_stride, capped, most, nothing);
  additive_sums<Denominators::clipped>(query, K, K_stride, sums, most, nothing);
  for (int t = 0; t < Keys; ++t) {
    if (too_large<S>(most[t])) sums[t] = capped[t];
  }
}

/// E[t] = sum v + 2 sum_i v_i (-1/x_i); `beside` as above. A key's bits depend on no other key.
template <int Keys, Scalar S, class Beside>
inline void additive_tile(const AdditiveQuery<S>& query, const S* K, Index K_stride, S* E,
                          Beside&& beside) {
  packet::Packet<S> sums[Keys];
  packet::Packet<S> most[1];
  additive_sums<Denominators::any>(query, K, K_stride, sums, most, beside);
  if (too_large<S>(most[0])) {
    // Their own array: one that a call writes would live in memory, in the loop too.
    packet::Packet<S> others[Keys];
    cap_additive_sums(query, K, K_stride, others);
    std::copy_n(others, Keys, sums);
  }
#pragma GCC unroll 4
  for (int t = 0; t < Keys; ++t) E[t] = query.sum_v + 2 * packet::sum(sums[t]);
}

/// The energies e of a query's features beside the columns of K from column t on.
template <Scalar S>
void additive_column(const AdditiveQuery<S>& query, ConstView<S> K, Index t, S* e) {
  constexpr int keys = 4;
  const auto nothing = [](Index) {};
  const auto key = [&] { return K.data() + t * K.outerStride(); };
  for (; t + keys <= K.cols(); t += keys) {
    additive_tile<keys>(query, key(), K.outerStride(), e + t, nothing);
  }
  for (; t < K.cols(); ++t) additive_tile<1>(query, key(), K.outerStride(), e + t, nothing);
}

/// Brings near the rows [i, i + Rows) of the Keys columns behind those from column t on.
template <int Keys, Index Rows, Scalar S>
EIGEN_ALWAYS_INLINE void bring_block_behind_near(const ConstView<S>& X, Index i, Index t) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(S));
#pragma GCC unroll 4
  for (int k = 0; k < Keys; ++k) {
#pragma GCC unroll 8
    for (Index at = 0; at < Rows; at += line) {
      packet::bring_near(X.data() + i, (t + Keys + k) * X.outerStride() + at);
    }
  }
}

}  // namespace detail

/// E(t, u) = sum_i v_i tanh(a_it + b_iu), with K = e^2a (d_e x n) and A = e^2b (d_e x U); v (d_e);
/// overwrites E (n x U). The bits of an element depend on its two columns alone.
template <Scalar S>
void additive_energies(ConstView<std::type_identity_t<S>> K, ConstView<std::type_identity_t<S>> A,
                       const Vector<S>& v, View<std::type_identity_t<S>> E) {
  check_shape("additive_energies", "K", K, v.size(), E.rows());
  check_shape("additive_energies", "A", A, v.size(), E.cols());
  const S sum_v = v.sum();
  for (Index u = 0; u < E.cols(); ++u) {
    detail::additive_column<S>({K.rows(), A.col(u).data(), v.data(), sum_v}, K, 0, E.col(u).data());
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
  const detail::AdditiveQuery<S> query{K.rows(), a, v.data(), v.sum()};
  for (Index t = 0; t < both; t += keys) {
    const detail::WeightedColumns<keys, S> columns(sum, t);
    // Lines are asked for in two places: so many at once are dropped.
    const auto beside = [&](Index i) ATTEND_INLINE_LAMBDA {
      if (i < rows) {
        if (sum.far) detail::bring_block_behind_near<keys, together>(V, i, t);
        for (Index at = i; at < i + together; at += w) columns.add(packet::Lane<S>{at});
      }
      if (sum.far) detail::bring_block_behind_near<keys, together>(K, i, t);
    };
    detail::additive_tile<keys>(query, K.data() + t * K.outerStride(), K.outerStride(), e + t,
                                beside);
    packet::for_each_lane<S>(V.rows() - rows, [&](auto lane) {
      lane.i += rows;
      columns.add(lane);
    });
  }
  detail::additive_column<S>(query, K, both, e);
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
