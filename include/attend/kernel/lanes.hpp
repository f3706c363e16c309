/// Loops over arrays, a packet at a time. The last, partial packet goes through the same arithmetic
/// as the full ones, so that an element's bits never depend on where it stands.
#pragma once

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
