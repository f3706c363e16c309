/// Columns turned into rows, a square of packets at a time.
#pragma once

#include <algorithm>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

// Packets of some machines have attributes that mean nothing to templates.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif

namespace packet {

/// A packet's width of columns, of which `count` are there and the others are taken as zero, each
/// `rows` long and `stride` apart: to[i * to_stride + j] = scale x from[j * stride + i].
template <Scalar S>
inline void transpose(const S* from, Index stride, Index rows, Index count, S scale, S* to,
                      Index to_stride) {
  constexpr Index w = width<S>;
  Index i = 0;
  if constexpr (w > 1) {
    const Packet<S> by = fill<S>(scale);
    for (; i + w <= rows; i += w) {
      Eigen::internal::PacketBlock<Packet<S>, static_cast<int>(w)> square;
      for (Index j = 0; j < w; ++j) {
        square.packet[j] = j < count ? pmul(load<S>(from + j * stride + i), by) : fill<S>(0);
      }
      Eigen::internal::ptranspose(square);
      for (Index k = 0; k < w; ++k) store<S>(to + (i + k) * to_stride, square.packet[k]);
    }
  }
  for (; i < rows; ++i) {
    for (Index j = 0; j < w; ++j) {
      to[i * to_stride + j] = j < count ? scale * from[j * stride + i] : S{0};
    }
  }
}

}  // namespace packet

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

}  // namespace attend
