/// Weights as panels store them, read as packets.
///
/// A column of a panel is `panel_packets` packets high. In full precision the packets lie behind
/// each other. In bfloat16 an element of an even packet and the element of the odd packet behind it
/// share a 32-bit word: a packet of words is the odd one as it stands, and shifted up the even one.
/// int8 is read two columns at a time (int8_lanes.hpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/precision.hpp>

namespace attend::inline ATTEND_ABI {

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
    lanes[i] = static_cast<S>(odd ? odd_of(pairs[i]) : even_of(pairs[i]));
  }
  return packet::load(static_cast<const S*>(lanes));
}
/// Every 32-bit element moved up by 16 bits, the lower ones zero.
template <class I>
[[nodiscard]] EIGEN_ALWAYS_INLINE I shifted_up(const I& words) {
  return Eigen::internal::plogical_shift_left<16>(words);
}
#ifdef EIGEN_VECTORIZE_AVX2
/// By a shuffle: a shift would take the place of a multiply-add.
[[nodiscard]] EIGEN_ALWAYS_INLINE Eigen::internal::Packet8i shifted_up(
    const Eigen::internal::Packet8i& words) {
  const __m128i half = _mm_set_epi8(13, 12, -1, -1, 9, 8, -1, -1, 5, 4, -1, -1, 1, 0, -1, -1);
  __m256i places = _mm256_broadcastsi128_si256(half);
  packet::keep_in_register(places);
  return _mm256_shuffle_epi8(words, places);
}
#endif

/// The even and the odd packet of as many pairs as a packet is wide.
template <Scalar S, class P>
EIGEN_ALWAYS_INLINE void load_pairs(const BFloat16Pair* pairs, P& even, P& odd) {
  if constexpr (std::is_same_v<S, float> && !std::is_same_v<P, float>) {
    using I = typename Eigen::internal::unpacket_traits<P>::integer_packet;
    I words = Eigen::internal::ploadu<I>(reinterpret_cast<const std::int32_t*>(pairs));
    packet::keep_in_register(words);
    even = Eigen::internal::preinterpret<P>(shifted_up(words));
    odd = Eigen::internal::preinterpret<P>(words);
  } else {
    even = lanes_of_pairs<S>(pairs, false);
    odd = lanes_of_pairs<S>(pairs, true);
  }
}

/// A column of a panel in full precision.
template <int Packets, Scalar S>
EIGEN_ALWAYS_INLINE void load_column(const S* column, packet::Packet<S> (&packets)[Packets]) {
#pragma GCC unroll 4
  for (int p = 0; p < Packets; ++p) packets[p] = packet::load(column + p * packet::width<S>);
}
template <int Packets, Scalar S>
EIGEN_ALWAYS_INLINE void load_column(const BFloat16Pair* column,
                                     packet::Packet<S> (&packets)[Packets]) {
  static_assert(Packets % 2 == 0, "two packets share their words");
#pragma GCC unroll 4
  for (int p = 0; p < Packets; p += 2) {
    load_pairs<S>(column + p / 2 * packet::width<S>, packets[p], packets[p + 1]);
  }
}
}  // namespace detail

}  // namespace attend
