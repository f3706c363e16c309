/// Loops over arrays, a packet at a time. The last, partial packet goes through the same arithmetic
/// as the full ones, so that an element's bits never depend on where it stands.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

/// Behind the parameters of a lambda that goes on with sums: inlined for a partial lane, too, or
/// what it captures lives in memory.
#if defined(__GNUC__)
#define ATTEND_INLINE_LAMBDA __attribute__((always_inline))
#else
#define ATTEND_INLINE_LAMBDA
#endif

namespace attend::inline ATTEND_ABI {

namespace packet {

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
/// Half a packet, eight keys of one query, goes without a mask: what is stored behind a mask waits
/// on its way to the next load until it has reached the cache.
template <>
[[nodiscard]] inline Packet<float> load_first<float>(const float* p, Index count) {
  if (count == 8) return _mm512_zextps256_ps512(_mm256_loadu_ps(p));
  return _mm512_maskz_loadu_ps(first_of_16(count), p);
}
template <>
inline void store_first<float>(float* p, const Packet<float>& x, Index count) {
  if (count == 8) return _mm256_storeu_ps(p, _mm512_castps512_ps256(x));
  _mm512_mask_storeu_ps(p, first_of_16(count), x);
}
template <>
[[nodiscard]] inline Packet<float> first_or<float>(const Packet<float>& x, float outside,
                                                   Index count) {
  return _mm512_mask_mov_ps(_mm512_set1_ps(outside), first_of_16(count), x);
}
#elif defined(EIGEN_VECTORIZE_SSE)
/// Fewer than four of x, in parts: a store behind a mask is slow on AMD's cores.
inline void store_first_of_4(float* p, __m128 x, Index count) {
  if ((count & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), x);
    x = _mm_movehl_ps(x, x);
    p += 2;
  }
  if ((count & 1) != 0) _mm_store_ss(p, x);
}
/// Where masks of the first `count` elements begin.
[[nodiscard]] inline const std::int32_t* first_bits(Index count) {
  static constexpr std::array<std::int32_t, 16> bits = {-1, -1, -1, -1, -1, -1, -1, -1};
  return bits.data() + 8 - count;
}
#ifdef EIGEN_VECTORIZE_AVX
[[nodiscard]] inline __m256i first_of_8(Index count) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_bits(count)));
}
template <>
[[nodiscard]] inline Packet<float> load_first<float>(const float* p, Index count) {
  return _mm256_maskload_ps(p, first_of_8(count));
}
template <>
inline void store_first<float>(float* p, const Packet<float>& x, Index count) {
  __m128 part = _mm256_castps256_ps128(x);
  if ((count & 4) != 0) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(x, 1);
    p += 4;
  }
  store_first_of_4(p, part, count);
}
template <>
[[nodiscard]] inline Packet<float> first_or<float>(const Packet<float>& x, float outside,
                                                   Index count) {
  return _mm256_blendv_ps(_mm256_set1_ps(outside), x, _mm256_castsi256_ps(first_of_8(count)));
}
#else
template <>
[[nodiscard]] inline Packet<float> load_first<float>(const float* p, Index count) {
  if (count == 1) return _mm_load_ss(p);
  const __m128 two = _mm_loadl_pi(_mm_setzero_ps(), reinterpret_cast<const __m64*>(p));
  return count == 2 ? two : _mm_movelh_ps(two, _mm_load_ss(p + 2));
}
template <>
inline void store_first<float>(float* p, const Packet<float>& x, Index count) {
  store_first_of_4(p, x, count);
}
template <>
[[nodiscard]] inline Packet<float> first_or<float>(const Packet<float>& x, float outside,
                                                   Index count) {
  const __m128 inside =
      _mm_castsi128_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(first_bits(count))));
  return _mm_or_ps(_mm_and_ps(inside, x), _mm_andnot_ps(inside, _mm_set1_ps(outside)));
}
#endif
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
