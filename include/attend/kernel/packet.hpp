/// Portable vectors: Eigen's packets, with loops whose last, partial packet goes through the same
/// arithmetic as the full ones, so that an element's bits never depend on where it stands.
#pragma once

#include <cmath>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

namespace packet {

template <Scalar S>
using Packet = typename Eigen::internal::packet_traits<S>::type;
template <Scalar S>
inline constexpr Index width = Eigen::internal::unpacket_traits<Packet<S>>::size;

using Eigen::internal::padd;
using Eigen::internal::pdiv;
using Eigen::internal::pmax;
using Eigen::internal::pmin;
using Eigen::internal::pmul;
using Eigen::internal::psub;

template <Scalar S>
[[nodiscard]] EIGEN_ALWAYS_INLINE Packet<S> load(const S* p) {
  return Eigen::internal::ploadu<Packet<S>>(p);
}
template <Scalar S>
EIGEN_ALWAYS_INLINE void store(S* p, const Packet<S>& x) {
  Eigen::internal::pstoreu(p, x);
}
/// Begins to read the line of p into the first-level cache.
EIGEN_ALWAYS_INLINE void bring_near([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p, 0, 3);
#endif
}
template <Scalar S>
[[nodiscard]] EIGEN_ALWAYS_INLINE Packet<S> fill(std::type_identity_t<S> x) {
  return Eigen::internal::pset1<Packet<S>>(x);
}
/// a b + c, fused where the machine can. Without packets this is said outright, or the compiler
/// fuses some of the sums of one loop and not the others, and the bits depend on the place.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P multiply_add(const P& a, const P& b, const P& c) {
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  if constexpr (std::is_floating_point_v<P>) return std::fma(a, b, c);
#endif
  return Eigen::internal::pmadd(a, b, c);
}
/// The sum, the largest and the smallest of a packet's elements.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE auto sum(const P& x) {
  return Eigen::internal::predux(x);
}
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE auto largest(const P& x) {
  return Eigen::internal::predux_max(x);
}
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE auto smallest(const P& x) {
  return Eigen::internal::predux_min(x);
}
/// out[0..3] = the sums of a, b, c, d, each in the same order.
template <class P, Scalar S>
EIGEN_ALWAYS_INLINE void sums_of_four(const P& a, const P& b, const P& c, const P& d, S* out) {
  out[0] = sum(a);
  out[1] = sum(b);
  out[2] = sum(c);
  out[3] = sum(d);
}
#ifdef EIGEN_VECTORIZE_AVX512
EIGEN_ALWAYS_INLINE void sums_of_four(const Eigen::internal::Packet16f& a,
                                      const Eigen::internal::Packet16f& b,
                                      const Eigen::internal::Packet16f& c,
                                      const Eigen::internal::Packet16f& d, float* out) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512 abcd =
      _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 half =
      _mm256_add_ps(_mm512_castps512_ps256(abcd),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(abcd), 1)));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
#endif
#ifdef EIGEN_VECTORIZE_AVX
EIGEN_ALWAYS_INLINE void sums_of_four(const Eigen::internal::Packet8f& a,
                                      const Eigen::internal::Packet8f& b,
                                      const Eigen::internal::Packet8f& c,
                                      const Eigen::internal::Packet8f& d, float* out) {
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const __m256 abcd =
      _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}
#endif
/// x, and 0 where a equals b.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P zero_where_equal(const P& x, const P& a, const P& b) {
  return Eigen::internal::pandnot(x, Eigen::internal::pcmp_eq(a, b));
}

/// x, and 0 where a < b.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P zero_where_less(const P& x, const P& a, const P& b) {
  return Eigen::internal::pandnot(x, Eigen::internal::pcmp_lt(a, b));
}

namespace detail {

/// p 2^n for n = -126 to 128, where `shifted` is n + 1.5 x 2^23, whose last bits are n; 0 where
/// x < lowest.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P scale_by_power(const P& p, const P& /*n*/, const P& shifted,
                                                   const P& x, const P& lowest) {
  using I = typename Eigen::internal::unpacket_traits<P>::integer_packet;
  const I exponent = Eigen::internal::padd(Eigen::internal::preinterpret<I>(shifted),
                                           Eigen::internal::pset1<I>(127));
  const I bits = Eigen::internal::plogical_shift_left<23>(exponent);
  return zero_where_less(P(pmul(p, Eigen::internal::preinterpret<P>(bits))), x, lowest);
}

#ifdef EIGEN_VECTORIZE_AVX512
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet16f scale_by_power(
    const Eigen::internal::Packet16f& p, const Eigen::internal::Packet16f& n,
    const Eigen::internal::Packet16f& /*shifted*/, const Eigen::internal::Packet16f& x,
    const Eigen::internal::Packet16f& lowest) {
  return _mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x, lowest, _CMP_NLT_UQ), p, n);
}
#endif

/// x = n ln 2 + r: a polynomial of degree 6 (relative error 3e-9) for e^r, times 2^n.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P exp_of_floats(const P& x) {
  using Eigen::internal::pset1;
  const P lowest = pset1<P>(-87.336544F);
  const P clamped = pmin(pmax(x, lowest), pset1<P>(89.F));
  // Adding 1.5 x 2^23 and taking it away rounds to an integer.
  const P magic = pset1<P>(12582912.F);
  const P shifted = multiply_add(clamped, pset1<P>(1.44269504F), magic);
  const P n = psub(shifted, magic);
  P r = multiply_add(n, pset1<P>(-0.693359375F), clamped);
  r = multiply_add(n, pset1<P>(2.12194440e-4F), r);
  P p = pset1<P>(0.0013814539F);
  p = multiply_add(p, r, pset1<P>(0.0083687454F));
  p = multiply_add(p, r, pset1<P>(0.0416683890F));
  p = multiply_add(p, r, pset1<P>(0.1666652113F));
  p = multiply_add(p, r, pset1<P>(0.4999999404F));
  p = multiply_add(p, r, pset1<P>(1.F));
  p = multiply_add(p, r, pset1<P>(1.F));
  return scale_by_power(p, n, shifted, x, lowest);
}

}  // namespace detail

/// e^x; float: 2 ulp on [-87, 88], double: 2 ulp on [-708, 709]. 0 below the smallest normal
/// number; above, infinity (float: from 88.4). NaN stays NaN.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P exp(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  if constexpr (std::is_same_v<S, float> && !std::is_same_v<P, float>) {
    return detail::exp_of_floats(x);
  } else {
    const P lowest = Eigen::internal::pset1<P>(std::is_same_v<S, float> ? S(-87.336544) : S(-708));
    return zero_where_less(P(Eigen::internal::pexp(x)), x, lowest);
  }
}

namespace detail {

/// 2^y for y <= 126, and 0 for y < -126: y = n + r with 0 <= r <= 1, a polynomial of degree 5 for
/// 2^r (relative error 1.2 epsilon with its rounding, 1 at r = 0), times 2^n.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P power_of_two_below(const P& r) {
  using Eigen::internal::pset1;
  P p = pset1<P>(0.00186713F);
  p = multiply_add(p, r, pset1<P>(0.009017031F));
  p = multiply_add(p, r, pset1<P>(0.055799913F));
  p = multiply_add(p, r, pset1<P>(0.24016447F));
  p = multiply_add(p, r, pset1<P>(0.6931513F));
  return multiply_add(p, r, pset1<P>(1.F));
}
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P power_of_two(const P& y) {
  const P n = Eigen::internal::pfloor(y);
  return scale_by_power(power_of_two_below(P(psub(y, n))), n,
                        P(padd(n, Eigen::internal::pset1<P>(12582912.F))), y,
                        Eigen::internal::pset1<P>(-126.F));
}
#ifdef EIGEN_VECTORIZE_AVX512DQ
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet16f power_of_two(
    const Eigen::internal::Packet16f& y) {
  using P = Eigen::internal::Packet16f;
  const P r = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  return _mm512_maskz_scalef_ps(
      _mm512_cmp_ps_mask(y, Eigen::internal::pset1<P>(-126.F), _CMP_NLT_UQ), power_of_two_below(r),
      y);
}
#endif

}  // namespace detail

/// e^x for x <= 80, as a softmax wants it: where the largest x is 0, what matters is the error
/// beside
/// 1. float: 2^(x log2 e), relative error below (1.5 + |x|) epsilon, so below 1.5 epsilon for x <=
/// 0, and e^0 = 1; two thirds of the time of exp. double: as exp. 0 below the smallest normal
/// number, NaN stays NaN.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P exp_of_softmax(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  if constexpr (std::is_same_v<S, float> && !std::is_same_v<P, float>) {
    return detail::power_of_two(P(pmul(x, Eigen::internal::pset1<P>(1.44269504F))));
  } else {
    return exp(x);
  }
}

namespace detail {

/// -1/x from an estimate r of 1/x and a step of Newton's: r (x r - 2).
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P refined_negative_reciprocal(const P& x, const P& r) {
  return pmul(r, multiply_add(x, r, Eigen::internal::pset1<P>(-2.F)));
}

}  // namespace detail

/// -1/x for 1e-36 < x < 1e36. Error below 2 epsilon / x with the estimates of AVX-512 and below
/// 4 with those of SSE and AVX; elsewhere, and in double, a division.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P negative_reciprocal(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  return pdiv(Eigen::internal::pset1<P>(S{-1}), x);
}
#ifdef EIGEN_VECTORIZE_AVX512
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet16f negative_reciprocal(
    const Eigen::internal::Packet16f& x) {
  return detail::refined_negative_reciprocal<Eigen::internal::Packet16f>(x, _mm512_rcp14_ps(x));
}
#endif
#ifdef EIGEN_VECTORIZE_AVX
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet8f negative_reciprocal(
    const Eigen::internal::Packet8f& x) {
  return detail::refined_negative_reciprocal<Eigen::internal::Packet8f>(x, _mm256_rcp_ps(x));
}
#endif
#ifdef EIGEN_VECTORIZE_SSE
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet4f negative_reciprocal(
    const Eigen::internal::Packet4f& x) {
  return detail::refined_negative_reciprocal<Eigen::internal::Packet4f>(x, _mm_rcp_ps(x));
}
#endif

/// 1/(1 + e^-x); absolute error below 1 epsilon, relative error below 6 epsilon while e^-x is
/// finite; 0 and 1 at the ends.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P sigmoid(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  const P one = Eigen::internal::pset1<P>(S{1});
  return pdiv(one, padd(one, exp(Eigen::internal::pnegate(x))));
}

/// tanh x, never beyond -1 and 1; float: Eigen's rational form, 7 ulp (5 with fused multiply-adds);
/// double: 1 - 2/(1 + e^2x), absolute error below 2 epsilon, so near 0 no relative accuracy.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P tanh(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  if constexpr (std::is_same_v<S, float>) {
    return Eigen::internal::generic_fast_tanh_float(x);
  } else {
    const P one = Eigen::internal::pset1<P>(S{1});
    const P two = Eigen::internal::pset1<P>(S{2});
    return psub(one, pdiv(two, padd(one, exp(pmul(two, x)))));
  }
}

/// Elements [i, i + width) of arrays.
template <Scalar S>
struct Lane {
  using P = Packet<S>;
  Index i;
  [[nodiscard]] EIGEN_ALWAYS_INLINE P load(const S* p) const { return packet::load(p + i); }
  EIGEN_ALWAYS_INLINE void store(S* p, const P& x) const { packet::store(p + i, x); }
  EIGEN_ALWAYS_INLINE void add(S* p, const P& x) const { store(p, padd(load(p), x)); }
  /// x, with `outside` in the elements that are not the array's.
  [[nodiscard]] EIGEN_ALWAYS_INLINE P inside(const P& x, S /*outside*/) const { return x; }
};

namespace detail {

/// The first `count` elements from p, and zeros; nothing beyond them is read. And back.
template <Scalar S>
[[nodiscard]] inline Packet<S> load_first(const S* p, Index count) {
  alignas(64) S buffer[width<S>] = {};
  for (Index k = 0; k < count; ++k) buffer[k] = p[k];
  return packet::load(static_cast<const S*>(buffer));
}
template <Scalar S>
inline void store_first(S* p, const Packet<S>& x, Index count) {
  alignas(64) S buffer[width<S>];
  packet::store(static_cast<S*>(buffer), x);
  for (Index k = 0; k < count; ++k) p[k] = buffer[k];
}
/// x in the first `count` elements, `outside` in the others.
template <Scalar S>
[[nodiscard]] inline Packet<S> first_or(const Packet<S>& x, S outside, Index count) {
  alignas(64) S buffer[width<S>];
  packet::store(static_cast<S*>(buffer), x);
  for (Index k = count; k < width<S>; ++k) buffer[k] = outside;
  return packet::load(static_cast<const S*>(buffer));
}
#ifdef EIGEN_VECTORIZE_AVX512
[[nodiscard]] inline __mmask16 first_of_16(Index count) {
  return static_cast<__mmask16>((1U << static_cast<unsigned>(count)) - 1U);
}
template <>
[[nodiscard]] inline Packet<float> load_first<float>(const float* p, Index count) {
  return _mm512_maskz_loadu_ps(first_of_16(count), p);
}
template <>
inline void store_first<float>(float* p, const Packet<float>& x, Index count) {
  _mm512_mask_storeu_ps(p, first_of_16(count), x);
}
template <>
[[nodiscard]] inline Packet<float> first_or<float>(const Packet<float>& x, float outside,
                                                   Index count) {
  return _mm512_mask_mov_ps(_mm512_set1_ps(outside), first_of_16(count), x);
}
#endif

}  // namespace detail

/// Elements [i, i + count) of arrays, fewer than a packet; what is loaded beyond them is zero and
/// nothing beyond them is stored.
template <Scalar S>
struct PartialLane {
  using P = Packet<S>;
  Index i;
  Index count;
  [[nodiscard]] P load(const S* p) const { return detail::load_first<S>(p + i, count); }
  void store(S* p, const P& x) const { detail::store_first<S>(p + i, x, count); }
  [[nodiscard]] P inside(const P& x, S outside) const {
    return detail::first_or<S>(x, outside, count);
  }
  void add(S* p, const P& x) const { store(p, padd(load(p), x)); }
};

/// Calls `body(lane)` for consecutive lanes that cover [0, n).
template <Scalar S, class Body>
EIGEN_ALWAYS_INLINE void for_each_lane(Index n, Body&& body) {
  Index i = 0;
  for (; i + width<S> <= n; i += width<S>) body(Lane<S>{i});
  if (i < n) body(PartialLane<S>{i, n - i});
}

}  // namespace packet

}  // namespace attend
