/// Columns packed as the left factor of a product with themselves transposed.
#pragma once

#include <algorithm>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace attend::inline ATTEND_ABI {

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
    for (Index j = 0; j < height; ++j) {
      if (first + j < A.cols()) {
        const S* from = A.col(first + j).data();
        for (Index i = 0; i < A.rows(); ++i) panel[i * height + j] = s * from[i];
      } else {
        for (Index i = 0; i < A.rows(); ++i) panel[i * height + j] = S{0};
      }
    }
  }
  const Index lanes = (A.cols() + w - 1) / w * w;
  return {packed.data(), height * A.rows(), lanes, A.rows()};
}

}  // namespace attend
