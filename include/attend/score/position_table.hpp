/// Vectors for positions, which queries are compared with.
#pragma once

#include <algorithm>

#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/energy_tile.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Calls `body(u, t, n, first, columns)` for runs of n keys of a tile that read neighbouring
/// columns [first, first + columns) of a table, so few that an energy for each fits the stack.
/// `column(t, u)` grows with t, by 1 at most.
template <Scalar S, class Column, class Body>
void for_each_table_run(const EnergyTile<S>& tile, Column&& column, Body&& body) {
  constexpr Index longest = 64;
  for (Index u = 0; u < tile.queries(); ++u) {
    for (Index t = 0; t < tile.keys(); t += longest) {
      const Index n = std::min(longest, tile.keys() - t);
      const Index first = column(t, u);
      body(u, t, n, first, column(t + n - 1, u) - first + 1);
    }
  }
}

/// e_tu += scale a_u'r with r the table's column(t, u). Table (d_e x positions).
template <Scalar S, class Column>
void add_table_energies(const EnergyTile<S>& tile, const Matrix<S>& table,
                        std::type_identity_t<S> scale, Column&& column) {
  alignas(64) S numbers[64];
  for_each_table_run(tile, column, [&](Index u, Index t, Index n, Index first, Index columns) {
    const View<S> e(&numbers[0], columns, 1, columns);
    dots<S>(table.middleCols(first, columns), tile.A.middleCols(u, 1), e);
    for (Index i = t; i < t + n; ++i) tile(i, u) += scale * e(column(i, u) - first, 0);
  });
}

/// da_u += scale de_tu r,  dr += scale de_tu a_u.
template <Scalar S, class Column>
void add_table_energies_backward(const EnergyTile<S>& d_tile, const Matrix<S>& table,
                                 std::type_identity_t<S> scale, Column&& column, View<S> dA,
                                 Matrix<S>& d_table) {
  alignas(64) S numbers[64];
  for_each_table_run(d_tile, column, [&](Index u, Index t, Index n, Index first, Index columns) {
    View<S> de(&numbers[0], columns, 1, columns);
    de.setZero();
    for (Index i = t; i < t + n; ++i) de(column(i, u) - first, 0) += scale * d_tile(i, u);
    multiply_add(ConstView<S>(table.middleCols(first, columns)), de, dA.middleCols(u, 1));
    multiply_transposed_add(ConstView<S>(d_tile.A.middleCols(u, 1)), de,
                            d_table.middleCols(first, columns));
  });
}

}  // namespace attend::inline ATTEND_ABI::detail
