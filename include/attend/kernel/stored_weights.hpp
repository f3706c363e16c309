/// Weights as panels store them, read as packets.
///
/// A column of a panel is `panel_packets` packets high. In full precision the packets lie behind
/// each other, and so do they in int8. In bfloat16 an element of an even packet and the element of
/// the odd packet behind it share a 32-bit word, the even one in its lower half: a shift and a mask
/// make two packets of one load.
#pragma once

#include <cstdint>
#include <type_traits>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/precision.hpp>

namespace attend::inline ATTEND_ABI {

/// Two bfloat16 of neighbouring packets.
using BFloat16Pair = std::uint32_t;

namespace packet {
/// Packets in the height of a panel: four where there are 32 registers, two where there are 16.
inline constexpr Index panel_packets = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4 : 2;
template <Scalar S>
inline constexpr Index panel_rows = panel_packets* width<S>;
/// How many `Stored` hold a column of a panel.
template <Scalar S, class Stored>
inline constexpr Index panel_column = panel_rows<S> /
                                      (std::is_same_v<Stored, BFloat16Pair> ? 2 : 1);
}  // namespace packet

namespace detail {

/// The portable forms; bits are those of the others.
template <Scalar S>
[[nodiscard]] packet::Packet<S> lanes_of_pairs(const BFloat16Pair* pairs, bool odd) {
  alignas(64) S lanes[packet::width<S>];
  for (Index i = 0; i < packet::width<S>; ++i) {
    lanes[i] = from_bfloat16(static_cast<std::uint16_t>(odd ? pairs[i] >> 16U : pairs[i]));
  }
  return packet::load(static_cast<const S*>(lanes));
}
template <Scalar S>
[[nodiscard]] packet::Packet<S> lanes_of_int8(const std::int8_t* q) {
  alignas(64) S lanes[packet::width<S>];
  for (Index i = 0; i < packet::width<S>; ++i) lanes[i] = static_cast<S>(q[i]);
  return packet::load(static_cast<const S*>(lanes));
}

/// The even and the odd packet of as many pairs as a packet is wide.
template <Scalar S, class P>
EIGEN_ALWAYS_INLINE void load_pairs(const BFloat16Pair* pairs, P& even, P& odd) {
  if constexpr (std::is_same_v<S, float> && !std::is_same_v<P, float>) {
    using I = typename Eigen::internal::unpacket_traits<P>::integer_packet;
    const I bits = Eigen::internal::ploadu<I>(reinterpret_cast<const std::int32_t*>(pairs));
    const I upper = Eigen::internal::pset1<I>(-65536);
    even = Eigen::internal::preinterpret<P>(I(Eigen::internal::plogical_shift_left<16>(bits)));
    odd = Eigen::internal::preinterpret<P>(I(Eigen::internal::pand(bits, upper)));
  } else {
    even = lanes_of_pairs<S>(pairs, false);
    odd = lanes_of_pairs<S>(pairs, true);
  }
}

template <Scalar S>
[[nodiscard]] EIGEN_ALWAYS_INLINE packet::Packet<S> load_int8(const std::int8_t* q) {
  if constexpr (std::is_same_v<S, float>) {
#if defined(EIGEN_VECTORIZE_AVX512)
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(q));
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
#elif defined(EIGEN_VECTORIZE_AVX2)
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(q));
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
#endif
  }
  return lanes_of_int8<S>(q);
}

/// A column of a panel in full precision.
template <int Packets, Scalar S>
EIGEN_ALWAYS_INLINE void load_column(const S* column, const S* /*scales*/,
                                     packet::Packet<S> (&packets)[Packets]) {
#pragma GCC unroll 4
  for (int p = 0; p < Packets; ++p) packets[p] = packet::load(column + p * packet::width<S>);
}
template <int Packets, Scalar S>
EIGEN_ALWAYS_INLINE void load_column(const BFloat16Pair* column, const S* /*scales*/,
                                     packet::Packet<S> (&packets)[Packets]) {
  static_assert(Packets % 2 == 0, "two packets share their words");
#pragma GCC unroll 4
  for (int p = 0; p < Packets; p += 2) {
    load_pairs<S>(column + p / 2 * packet::width<S>, packets[p], packets[p + 1]);
  }
}
template <int Packets, Scalar S>
EIGEN_ALWAYS_INLINE void load_column(const std::int8_t* column, const S* scales,
                                     packet::Packet<S> (&packets)[Packets]) {
  constexpr Index w = packet::width<S>;
#pragma GCC unroll 4
  for (int p = 0; p < Packets; ++p) {
    packets[p] = packet::pmul(load_int8<S>(column + p * w), packet::load(scales + p * w));
  }
}

}  // namespace detail

}  // namespace attend
