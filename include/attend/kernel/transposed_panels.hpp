/// Columns packed as the left factor of a product with themselves transposed.
#pragma once

#include <algorithm>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

// gcc warns that a packet as a template's argument loses its alignment; the block keeps it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"

/// A (width x width) block, transposed in registers: row i of s A becomes to[i * to_stride] and on.
template <Scalar S>
void transpose_block(const S* from, Index from_stride, S s, S* to, Index to_stride) {
  constexpr Index w = packet::width<S>;
  if constexpr (w == 1) {
    *to = s * *from;
  } else {
    Eigen::internal::PacketBlock<packet::Packet<S>, static_cast<int>(w)> block;
    const auto factor = packet::fill<S>(s);
    for (Index j = 0; j < w; ++j) {
      block.packet[j] = packet::pmul(factor, packet::load(from + j * from_stride));
    }
    Eigen::internal::ptranspose(block);
    for (Index i = 0; i < w; ++i) packet::store(to + i * to_stride, block.packet[i]);
  }
}

#pragma GCC diagnostic pop

/// The columns [0, count) of A, at most `height`, side by side in a panel, times s.
template <Scalar S>
void pack_panel(ConstView<S> A, S s, S* panel, Index height) {
  constexpr Index w = packet::width<S>;
  const Index whole = A.rows() / w * w;
  for (Index j = 0; j < A.cols();) {
    const bool block = j + w <= A.cols();
    const S* from = A.data() + j * A.outerStride();
    for (Index i = 0; block && i < whole; i += w) {
      transpose_block(from + i, A.outerStride(), s, panel + i * height + j, height);
    }
    for (Index end = block ? j + w : j + 1; j < end; ++j) {
      for (Index i = block ? whole : 0; i < A.rows(); ++i) panel[i * height + j] = s * A(i, j);
    }
  }
}

}  // namespace detail

/// s A' in panels, for `multiply_add(packed, X, Y)`: Y (lanes x n) += s A'X. A (d x U); the rows of
/// the result, U rounded up to whole packets, are zero beyond U. Lives in `memory`, which keeps it.
template <Scalar S>
[[nodiscard]] PanelView<S> pack_transposed(ConstView<S> A, S s, Buffer<S>& memory) {
  constexpr Index height = packet::panel_rows<S>;
  constexpr Index w = packet::width<S>;
  const Index panels = (A.cols() + height - 1) / height;
  View<S> packed = memory.resize(height * A.rows(), panels);
  for (Index p = 0; p < panels; ++p) {
    const Index first = p * height;
    S* panel = packed.col(p).data();
    const Index count = std::min(height, A.cols() - first);
    detail::pack_panel<S>(A.middleCols(first, count), s, panel, height);
    for (Index i = 0; count < height && i < A.rows(); ++i) {
      std::fill(panel + i * height + count, panel + (i + 1) * height, S{0});
    }
  }
  const Index lanes = (A.cols() + w - 1) / w * w;
  return {packed.data(), height * A.rows(), lanes, A.rows()};
}

}  // namespace attend
