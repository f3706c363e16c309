/// Elementary functions of packets.
#pragma once

#include <type_traits>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

namespace packet {

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

/// 2^r for 0 <= r <= 1: a polynomial of degree 5, relative error 1.2 epsilon with its rounding, 1
/// at r = 0.
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
/// 2^y, 0 for y < -126 and infinity from 128 on: y = n + r, 2^r times 2^n, whose bits are n + 127
/// where an exponent stands. With n = -127 these are the bits of 0.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P power_of_two(const P& y) {
  using I = typename Eigen::internal::unpacket_traits<P>::integer_packet;
  using Eigen::internal::preinterpret;
  const P finite =
      pmax(P(pmin(y, Eigen::internal::pset1<P>(128.F))), Eigen::internal::pset1<P>(-127.F));
  const P n = Eigen::internal::pfloor(finite);
  // 1.5 x 2^23, and the number's last bits are n + 127.
  const P shifted = padd(n, Eigen::internal::pset1<P>(12582912.F + 127.F));
  const P power =
      preinterpret<P>(I(Eigen::internal::plogical_shift_left<23>(preinterpret<I>(shifted))));
  return pmul(power_of_two_below(P(psub(finite, n))), power);
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

/// e^x as a softmax wants it: where the largest x is 0, what matters is the error beside 1. float:
/// 2^(x log2 e), relative error below (1.5 + |x|) epsilon, so below 1.5 epsilon for x <= 0, and e^0
/// = 1; two thirds of the time of exp. double: as exp. 0 below the smallest normal number, NaN
/// stays NaN.
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

namespace detail {

/// e^-x, infinity where it is too large.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P exp_of_negative(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  if constexpr (std::is_same_v<S, float> && !std::is_same_v<P, float>) {
    return power_of_two(P(pmul(x, Eigen::internal::pset1<P>(-1.44269504F))));
  } else {
    return exp(Eigen::internal::pnegate(x));
  }
}

}  // namespace detail

/// 1/(1 + e^-x); float: e^-x as 2^(-x log2 e), absolute error below 1.5 epsilon, relative error
/// below (4 + |x|) epsilon while e^-x is finite; double: 1 and 6 epsilon. 0 and 1 at the ends, NaN
/// stays NaN.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P sigmoid(const P& x) {
  using S = typename Eigen::internal::unpacket_traits<P>::type;
  const P one = Eigen::internal::pset1<P>(S{1});
  return pdiv(one, padd(one, detail::exp_of_negative(x)));
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

}  // namespace packet

}  // namespace attend
