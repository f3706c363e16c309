/// Matrix products whose bits do not depend on how many columns stand side by side.
///
/// Every element is one chain of multiply-adds, in the order of the inner dimension, whatever the
/// shape around it: y = (((y + w_0 x_0) + w_1 x_1) + ...). A column gives the same bits alone and
/// in any batch. The error is that of the plain loop: (inner size) x epsilon x sum |w_k x_k|.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Columns of a product's tile: with the panel's height they fill the registers.
inline constexpr Index tile_columns = 6;
/// Columns of weights that stay in the first-level cache while they meet the columns of X.
inline constexpr Index inner_block = 256;

/// The right factor as a tile reads it: element (k, j) is `data[k * k_stride + j * j_stride]`.
template <Scalar S>
struct RightFactor {
  const S* data;
  Index k_stride;
  Index j_stride;
};

/// C (Packets x Columns) += A (Packets x inner) B (inner x Columns), in registers. `a` has a column
/// every `a_stride` elements; the last `rows` of the tile's rows count, the others are not written.
template <int Packets, int Columns, bool Rows, Scalar S>
inline void product_tile(Index inner, const S* a, Index a_stride, RightFactor<S> b, S* c,
                         Index c_stride, Index rows) {
  using P = packet::Packet<S>;
  constexpr Index w = packet::width<S>;
  P sums[Columns][Packets];
  alignas(64) S edge[Columns][Packets * w];
  const bool partial = rows < Packets * w;
  if (partial) {
    for (Index j = 0; j < Columns; ++j) {
      std::fill_n(edge[j], Packets * w, S{0});
      std::copy_n(c + j * c_stride, rows, edge[j]);
    }
  }
  S* out = partial ? &edge[0][0] : c;
  const Index out_stride = partial ? Packets * w : c_stride;
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) sums[j][p] = packet::load<S>(out + j * out_stride + p * w);
  }
  // With Rows, neighbouring columns of B lie side by side; without, neighbouring rows do.
  const Index k_stride = Rows ? b.k_stride : 1;
  const Index j_stride = Rows ? 1 : b.j_stride;
  const S* right = b.data;
  for (Index k = 0; k < inner; ++k, a += a_stride, right += k_stride) {
    P left[Packets];
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) left[p] = packet::load<S>(a + p * w);
#pragma GCC unroll 8
    for (int j = 0; j < Columns; ++j) {
      const P x = packet::fill<S>(right[j * j_stride]);
#pragma GCC unroll 4
      for (int p = 0; p < Packets; ++p) sums[j][p] = packet::multiply_add(left[p], x, sums[j][p]);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) packet::store<S>(out + j * out_stride + p * w, sums[j][p]);
  }
  if (partial) {
    for (Index j = 0; j < Columns; ++j) std::copy_n(edge[j], rows, c + j * c_stride);
  }
}

template <Scalar S>
using ProductTile = void (*)(Index, const S*, Index, RightFactor<S>, S*, Index, Index);

/// The tile for a number of packets and columns that is known at run time.
template <bool Rows, Scalar S, int... Sizes>
constexpr auto product_tiles(std::integer_sequence<int, Sizes...>) {
  constexpr int columns = static_cast<int>(tile_columns);
  return std::array<ProductTile<S>, sizeof...(Sizes)>{
      &product_tile<Sizes / columns + 1, Sizes % columns + 1, Rows, S>...};
}

template <bool Rows, Scalar S>
ProductTile<S> product_tile_for(Index packets, Index columns) {
  static constexpr auto tiles = product_tiles<Rows, S>(
      std::make_integer_sequence<int, static_cast<int>(packet::panel_packets * tile_columns)>{});
  return tiles[static_cast<std::size_t>((packets - 1) * tile_columns + columns - 1)];
}

/// One panel (`rows` high) times n columns of B, added to C. Columns are dealt to tiles as evenly
/// as they go, so that a batch of 16 is 6 + 5 + 5 and not 6 + 6 + 4.
template <bool Rows, Scalar S>
void panel_product(Index rows, Index inner, Index n, const S* a, Index a_stride, RightFactor<S> b,
                   S* c, Index c_stride) {
  const Index packets = (rows + packet::width<S> - 1) / packet::width<S>;
  const Index tiles = (n + tile_columns - 1) / tile_columns;
  for (Index i = 0, j = 0; i < tiles; ++i) {
    const Index columns = (n - j + tiles - i - 1) / (tiles - i);
    const RightFactor<S> from{b.data + j * b.j_stride, b.k_stride, b.j_stride};
    product_tile_for<Rows, S>(packets, columns)(inner, a, a_stride, from, c + j * c_stride,
                                                c_stride, rows);
    j += columns;
  }
}

/// Columns of X that stay in the second-level cache while all weights pass.
inline constexpr Index column_block = 192;

}  // namespace detail

/// Y += W X. W (m x k) in panels, X (k x n), Y (m x n). Allocates nothing. Throws ShapeError.
template <Scalar S>
void multiply_add(const PanelView<S>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y) {
  check_shape("multiply_add", "X", X, W.cols, X.cols());
  check_shape("multiply_add", "Y", Y, W.rows, X.cols());
  constexpr Index height = packet::panel_rows<S>;
  for (Index j = 0; j < X.cols(); j += detail::column_block) {
    const Index columns = std::min(detail::column_block, X.cols() - j);
    for (Index k = 0; k < W.cols; k += detail::inner_block) {
      const Index inner = std::min(detail::inner_block, W.cols - k);
      for (Index i = 0; i < W.rows; i += height) {
        const S* panel = W.data + i / height * W.panel_stride + k * height;
        detail::panel_product<false, S>(std::min(height, W.rows - i), inner, columns, panel, height,
                                        {X.data() + k + j * X.outerStride(), 1, X.outerStride()},
                                        Y.data() + i + j * Y.outerStride(), Y.outerStride());
      }
    }
  }
}

template <Scalar S>
void multiply_add(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y) {
  multiply_add(W.view(), X, Y);
}

/// Y = W X, as multiply_add but overwritten.
template <Scalar S>
void multiply(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
              View<std::type_identity_t<S>> Y) {
  Y.setZero();
  multiply_add(W.view(), X, Y);
}

namespace detail {

/// C += A B for a left factor in plain columns, read in place.
template <bool Rows, Scalar S>
void plain_product(ConstView<S> A, RightFactor<S> B, Index n, View<S> C) {
  constexpr Index w = packet::width<S>;
  constexpr Index height = packet::panel_rows<S>;
  if (A.rows() == 0 || n == 0) return;
  for (Index k = 0; k < A.cols(); k += inner_block) {
    const Index inner = std::min(inner_block, A.cols() - k);
    const S* a = A.data() + k * A.outerStride();
    const RightFactor<S> b{B.data + k * B.k_stride, B.k_stride, B.j_stride};
    Index i = 0;
    for (Index rows = 0; i + w <= A.rows(); i += rows) {
      rows = std::min(height, (A.rows() - i) / w * w);
      panel_product<Rows, S>(rows, inner, n, a + i, A.outerStride(), b, C.data() + i,
                             C.outerStride());
    }
    if (i == A.rows()) continue;
    // The last rows, fewer than a packet, are copied so that nothing beyond them is read.
    alignas(64) S edge[w * inner_block];
    std::fill_n(edge, w * inner, S{0});
    for (Index c = 0; c < inner; ++c) {
      std::copy_n(a + i + c * A.outerStride(), A.rows() - i, edge + c * w);
    }
    panel_product<Rows, S>(A.rows() - i, inner, n, static_cast<const S*>(edge), w, b, C.data() + i,
                           C.outerStride());
  }
}

}  // namespace detail

/// C += A B for a left factor in plain columns. A (m x k), B (k x n), C (m x n). For weighted sums
/// of columns: A is read in place, once for every six columns of B. Allocates nothing.
template <Scalar S>
void multiply_add(ConstView<S> A, ConstView<std::type_identity_t<S>> B,
                  View<std::type_identity_t<S>> C) {
  check_shape("multiply_add", "B", B, A.cols(), C.cols());
  check_shape("multiply_add", "C", C, A.rows(), B.cols());
  detail::plain_product<false, S>(A, {B.data(), 1, B.outerStride()}, B.cols(), C);
}

/// C += A B'. A (m x k), B (n x k), C (m x n). Allocates nothing.
template <Scalar S>
void multiply_transposed_add(ConstView<S> A, ConstView<std::type_identity_t<S>> B,
                             View<std::type_identity_t<S>> C) {
  check_shape("multiply_transposed_add", "B", B, C.cols(), A.cols());
  check_shape("multiply_transposed_add", "C", C, A.rows(), B.rows());
  detail::plain_product<true, S>(A, {B.data(), B.outerStride(), 1}, B.rows(), C);
}

/// dW += dY X', the gradient of Y = W X with respect to W. dY (m x n), X (k x n), dW (m x k).
/// Allocates nothing. Throws ShapeError.
template <Scalar S>
void add_outer(ConstView<std::type_identity_t<S>> dY, ConstView<std::type_identity_t<S>> X,
               PanelMatrix<S>& dW) {
  check_shape("add_outer", "dY", dY, dW.rows(), X.cols());
  check_shape("add_outer", "X", X, dW.cols(), dY.cols());
  constexpr Index height = packet::panel_rows<S>;
  alignas(64) S left[height * detail::inner_block];
  for (Index k = 0; k < X.cols(); k += detail::inner_block) {
    const Index inner = std::min(detail::inner_block, X.cols() - k);
    for (Index i = 0; i < dW.rows(); i += height) {
      const Index rows = std::min(height, dW.rows() - i);
      if (rows < height) std::fill_n(left, height * inner, S{0});
      for (Index c = 0; c < inner; ++c)
        std::copy_n(dY.col(k + c).data() + i, rows, left + c * height);
      detail::panel_product<true, S>(rows, inner, X.cols() == 0 ? 0 : dW.cols(), left, height,
                                     {X.data() + k * X.outerStride(), X.outerStride(), 1},
                                     dW.data() + i / height * dW.panel_stride(), height);
    }
  }
}

}  // namespace attend
