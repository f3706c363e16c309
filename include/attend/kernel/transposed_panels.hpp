/// Columns packed as the left factor of a product with themselves transposed.
#pragma once

#include <algorithm>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/transpose.hpp>

namespace attend::inline ATTEND_ABI {

/// s A' in panels, for `multiply_add(packed, X, Y)`: Y (lanes x n) += s A'X. A (d x U); the rows of
/// the result, U rounded up to whole packets, are zero beyond U. Lives in `memory`, which keeps it.
template <Scalar S>
[[nodiscard]] PanelView<S> pack_transposed(ConstView<S> A, S s, Buffer<S>& memory) {
  constexpr Index height = packet::panel_rows<S>;
  constexpr Index w = packet::width<S>;
  const Index panels = (A.cols() + height - 1) / height;
  const auto zero = packet::fill<S>(0);
  View<S> packed = memory.resize(height * A.rows(), panels);
  for (Index p = 0; p < panels; ++p) {
    const Index first = p * height;
    const Index columns = std::min(height, A.cols() - first);
    S* const panel = packed.col(p).data();
    for (Index j = 0; j < columns; j += w) {
      packet::transpose<S>(A.col(first + j).data(), A.outerStride(), A.rows(),
                           std::min(w, columns - j), s, panel + j, height);
    }
    for (Index j = (columns + w - 1) / w * w; j < height; j += w) {
      for (Index i = 0; i < A.rows(); ++i) packet::store(panel + i * height + j, zero);
    }
  }
  const Index lanes = (A.cols() + w - 1) / w * w;
  return {packed.data(), height * A.rows(), lanes, A.rows()};
}

}  // namespace attend
