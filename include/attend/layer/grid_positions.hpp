/// Where a cell stands in a grid.
#pragma once

#include <span>

#include <attend/core/image_batch.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/layer/positions.hpp>

namespace attend::inline ATTEND_ABI {

/// x_(row, column) += [P(:, row); P(:, column)]: sinusoids (SinusoidTable) in two halves, the
/// first, of d/2 features rounded down, for rows (Parmar et al. 2018, arXiv 1802.05751, section
/// 3.1). X (d x N): grids one after another, row by row. Nothing in it is learned.
template <Scalar S>
class GridPositions {
 public:
  void add(std::span<const Extent> grids, View<S> X) {
    const Index half = X.rows() / 2;
    Index cell = 0;
    for (const Extent& grid : grids) {
      const ConstView<S> rows = rows_.columns(half, grid.height);
      const ConstView<S> columns = columns_.columns(X.rows() - half, grid.width);
      for (Index i = 0; i < grid.height; ++i, cell += grid.width) {
        add_to_columns(rows.col(i), X.block(0, cell, half, grid.width));
        X.block(half, cell, X.rows() - half, grid.width) += columns;
      }
    }
  }

 private:
  SinusoidTable<S> rows_;
  SinusoidTable<S> columns_;
};

}  // namespace attend
