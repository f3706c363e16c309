/// Portable vectors: Eigen's packets.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

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
/// The same `ahead` elements behind p, where nothing may stand: it is an address that is not read.
template <class T>
EIGEN_ALWAYS_INLINE void bring_near(const T* p, Index ahead) {
  const auto at =
      reinterpret_cast<std::uintptr_t>(p) + static_cast<std::uintptr_t>(ahead) * sizeof(T);
  bring_near(reinterpret_cast<const void*>(at));  // NOLINT(performance-no-int-to-ptr)
}
/// Keeps compilers from reading a packet from memory again where it is used again, and from
/// replacing an instruction by another one of the same effect.
template <class P>
EIGEN_ALWAYS_INLINE void keep_in_register([[maybe_unused]] P& x) {
#if defined(__GNUC__) && defined(EIGEN_VECTORIZE_AVX)
  asm("" : "+v"(x));
#endif
}
/// x, which was loaded and is used `Uses` times. Of two to four, gcc would read it again for each.
template <int Uses, class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P loaded_once(P x) {
  if constexpr (Uses > 1 && Uses < 5) keep_in_register(x);
  return x;
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
/// The same of an `a` that was loaded for this alone: the instruction may read it itself. (Eigen
/// keeps clang from that, for the sake of what stays in registers.)
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P multiply_add_once(const P& a, const P& b, const P& c) {
#if defined(__clang__) && defined(EIGEN_VECTORIZE_FMA)
  if constexpr (std::is_same_v<P, Eigen::internal::Packet8f>) return _mm256_fmadd_ps(a, b, c);
  if constexpr (std::is_same_v<P, Eigen::internal::Packet4d>) return _mm256_fmadd_pd(a, b, c);
#endif
  return multiply_add(a, b, c);
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
/// out[i] = the sum of x[i], each in the same order, for `Count` packets.
template <int Count, class P, Scalar S>
EIGEN_ALWAYS_INLINE void sums(const P* x, S* out) {
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) out[i] = sum(x[i]);
}
#ifdef EIGEN_VECTORIZE_AVX
namespace detail {

/// The sums of a, b, c, d.
#ifdef EIGEN_VECTORIZE_AVX512
[[nodiscard]] EIGEN_ALWAYS_INLINE __m128 four_sums(const Eigen::internal::Packet16f& a,
                                                   const Eigen::internal::Packet16f& b,
                                                   const Eigen::internal::Packet16f& c,
                                                   const Eigen::internal::Packet16f& d) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512 abcd =
      _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 half =
      _mm256_add_ps(_mm512_castps512_ps256(abcd),
                    _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(abcd), 1)));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}
#endif
[[nodiscard]] EIGEN_ALWAYS_INLINE __m128 four_sums(const Eigen::internal::Packet8f& a,
                                                   const Eigen::internal::Packet8f& b,
                                                   const Eigen::internal::Packet8f& c,
                                                   const Eigen::internal::Packet8f& d) {
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const __m256 abcd =
      _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
}

}  // namespace detail

/// Eight at a time as one vector: what is stored in parts and read as a whole soon after waits
/// until the parts have reached the cache.
template <int Count>
EIGEN_ALWAYS_INLINE void sums(const Packet<float>* x, float* out) {
  int i = 0;
#pragma GCC unroll 4
  for (; i + 8 <= Count; i += 8) {
    const __m128 low = detail::four_sums(x[i], x[i + 1], x[i + 2], x[i + 3]);
    const __m128 high = detail::four_sums(x[i + 4], x[i + 5], x[i + 6], x[i + 7]);
    _mm256_storeu_ps(out + i, _mm256_set_m128(high, low));
  }
  const auto zero = fill<float>(0);
#pragma GCC unroll 2
  for (; i < Count; i += 4) {
    alignas(16) float four[4];
    _mm_store_ps(
        four, detail::four_sums(x[i], i + 1 < Count ? x[i + 1] : zero,
                                i + 2 < Count ? x[i + 2] : zero, i + 3 < Count ? x[i + 3] : zero));
    for (int k = 0; k < 4 && i + k < Count; ++k) out[i + k] = four[k];
  }
}
#endif
/// x, and 0 where a equals b.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P zero_where_equal(const P& x, const P& a, const P& b) {
  return Eigen::internal::pandnot(x, Eigen::internal::pcmp_eq(a, b));
}

/// x where a < b, y elsewhere.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P where_less(const P& a, const P& b, const P& x, const P& y) {
  return Eigen::internal::pselect(Eigen::internal::pcmp_lt(a, b), x, y);
}

/// x, and 0 where a < b.
template <class P>
[[nodiscard]] EIGEN_ALWAYS_INLINE P zero_where_less(const P& x, const P& a, const P& b) {
  return Eigen::internal::pandnot(x, Eigen::internal::pcmp_lt(a, b));
}

}  // namespace packet

}  // namespace attend
