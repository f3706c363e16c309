/// Integer sums of int8 weights times 16-bit numbers, a packet of rows at a time.
///
/// Columns of weights come in pairs: a row's two weights lie side by side, and so do the two
/// numbers that they are multiplied by, in one 32-bit word. A sum grows by q_0 x_0 + q_1 x_1; it is
/// exact for 512 columns: 256 x 2 x 127 x 32767 is below 2^31.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// Two 16-bit numbers: the first one below, the second one above.
using ShortPair = std::int32_t;

[[nodiscard]] inline ShortPair to_short_pair(std::int16_t first, std::int16_t second) {
  return static_cast<ShortPair>(static_cast<std::uint32_t>(static_cast<std::uint16_t>(second))
                                    << 16U |
                                static_cast<std::uint16_t>(first));
}

namespace detail {

/// The portable form; bits are those of the others.
template <Scalar S>
struct PortableInt8Lanes {
  using Weights = const std::int8_t*;
  using Pair = std::array<std::int16_t, 2>;
  using Sums = std::array<std::int32_t, static_cast<std::size_t>(packet::width<S>)>;

  /// Two weights of as many rows as a packet is wide.
  [[nodiscard]] static Weights load(const std::int8_t* q) { return q; }
  [[nodiscard]] static Pair fill(ShortPair x) {
    return {static_cast<std::int16_t>(x), static_cast<std::int16_t>(x >> 16)};
  }
  [[nodiscard]] static Sums zero() { return {}; }
  /// sums + q_0 x_0 + q_1 x_1.
  [[nodiscard]] static Sums add(Weights q, const Pair& x, Sums sums) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += q[2 * i] * x[0] + q[2 * i + 1] * x[1];
    return sums;
  }
  [[nodiscard]] static packet::Packet<S> numbers(const Sums& sums) {
    std::array<S, std::tuple_size_v<Sums>> lanes;
    std::transform(sums.begin(), sums.end(), lanes.begin(),
                   [](std::int32_t sum) { return static_cast<S>(sum); });
    return packet::load(static_cast<const S*>(lanes.data()));
  }
};

template <Scalar S>
struct Int8Lanes : PortableInt8Lanes<S> {};

#if defined(EIGEN_VECTORIZE_AVX512) && defined(__AVX512BW__) && defined(__GNUC__)
template <>
struct Int8Lanes<float> {
  using Weights = __m512i;
  using Pair = __m512i;
  /// Of 32-bit integers by its type, too: gcc copies an __m512i before and after every sum.
  using Sums [[gnu::vector_size(64)]] = std::int32_t;

  [[nodiscard]] EIGEN_ALWAYS_INLINE static Weights load(const std::int8_t* q) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(q)));
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Pair fill(ShortPair x) { return _mm512_set1_epi32(x); }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums zero() { return Sums{}; }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums add(Weights q, Pair x, Sums sums) {
#ifdef __AVX512VNNI__
    return reinterpret_cast<Sums>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sums), q, x));
#else
    return sums + reinterpret_cast<Sums>(_mm512_madd_epi16(q, x));
#endif
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static packet::Packet<float> numbers(Sums sums) {
    return _mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums));
  }
};
#elif defined(EIGEN_VECTORIZE_AVX2) && !defined(EIGEN_VECTORIZE_AVX512) && defined(__GNUC__)
template <>
struct Int8Lanes<float> {
  using Weights = __m256i;
  using Pair = __m256i;
  using Sums [[gnu::vector_size(32)]] = std::int32_t;

  [[nodiscard]] EIGEN_ALWAYS_INLINE static Weights load(const std::int8_t* q) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)));
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Pair fill(ShortPair x) { return _mm256_set1_epi32(x); }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums zero() { return Sums{}; }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums add(Weights q, Pair x, Sums sums) {
    return sums + reinterpret_cast<Sums>(_mm256_madd_epi16(q, x));
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static packet::Packet<float> numbers(Sums sums) {
    return _mm256_cvtepi32_ps(reinterpret_cast<__m256i>(sums));
  }
};
#elif defined(EIGEN_VECTORIZE_SSE2) && !defined(EIGEN_VECTORIZE_AVX)
template <>
struct Int8Lanes<float> {
  using Weights = __m128i;
  using Pair = __m128i;
  using Sums = __m128i;

  [[nodiscard]] EIGEN_ALWAYS_INLINE static Weights load(const std::int8_t* q) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(q));
    return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Pair fill(ShortPair x) { return _mm_set1_epi32(x); }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums zero() { return _mm_setzero_si128(); }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static Sums add(Weights q, Pair x, Sums sums) {
    return _mm_add_epi32(sums, _mm_madd_epi16(q, x));
  }
  [[nodiscard]] EIGEN_ALWAYS_INLINE static packet::Packet<float> numbers(Sums sums) {
    return _mm_cvtepi32_ps(sums);
  }
};
#endif

}  // namespace detail

}  // namespace attend
