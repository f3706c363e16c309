/// Matrix products whose bits do not depend on how many columns stand side by side.
///
/// Every element is one chain of multiply-adds, in the order of the inner dimension, whatever the
/// shape around it: y = (((y + w_0 x_0) + w_1 x_1) + ...). A column gives the same bits alone and
/// in any batch. The error is that of the plain loop: (inner size) x epsilon x sum |w_k x_k|.
#pragma once

#include <algorithm>
#include <type_traits>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product_tile.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Columns of weights that stay in the first-level cache while they meet the columns of X.
inline constexpr Index inner_block = 256;
/// The same for outer products, whose right factor is read across its columns, a page each.
inline constexpr Index outer_block = 128;
/// Bytes of weights that the second-level cache keeps from one product to the next.
inline constexpr Index weights_nearby = Index{1} << 20;
/// Columns for which reduced weights are read as they are; for more they are expanded once for all.
inline constexpr Index columns_in_place = 2 * tile_columns;
/// Columns of X that stay in the second-level cache while all weights pass.
inline constexpr Index column_block = 192;

/// One panel (`c.rows` high) times n columns of B, added to C. Columns are dealt to tiles as evenly
/// as they go, so that a batch of 16 is 6 + 5 + 5 and not 6 + 6 + 4. On the way they bring near
/// what is read next, `ahead_bytes` from `a.ahead`, a little with every column of A: faster than
/// all of it in the first tile.
template <bool Rows, Scalar S, class Stored>
EIGEN_ALWAYS_INLINE void panel_product(Index inner, Index n, LeftFactor<S, Stored> a,
                                       RightFactor<S> b, ProductBlock<S> c, Index ahead_bytes = 0) {
  const Index packets = (c.rows + packet::width<S> - 1) / packet::width<S>;
  const Index tiles = (n + tile_columns - 1) / tile_columns;
  const char* ahead = a.ahead;
  a.ahead_stride = std::min(bytes_ahead<S>, ahead_bytes / std::max(Index{1}, tiles * inner));
  const Index share = inner * a.ahead_stride;
  for (Index i = 0, j = 0; i < tiles; ++i) {
    const Index columns = (n - j + tiles - i - 1) / (tiles - i);
    a.ahead = i * share < ahead_bytes ? ahead + i * share : nullptr;
    const RightFactor<S> right{b.data + j * b.j_stride, b.k_stride, b.j_stride};
    const ProductBlock<S> block = c.part(0, c.rows, j);
    tile_for<Rows, S, Stored>(packets, columns)(inner, a, right, block);
    j += columns;
  }
}

/// The panel at `a`, from its storage to S.
template <Scalar S, class Stored>
void expand_panel(Index inner, LeftFactor<S, Stored> a, S* expanded) {
  constexpr int packets = static_cast<int>(packet::panel_packets);
  for (Index k = 0; k < inner; ++k, a.data += a.k_stride, expanded += packet::panel_rows<S>) {
    packet::Packet<S> column[packets];
    load_column<packets, S>(a.data, a.scales, column);
    for (int p = 0; p < packets; ++p) packet::store(expanded + p * packet::width<S>, column[p]);
  }
}

/// A block of columns of X, all rows of W, and `inner` columns of W from column k on.
template <Scalar S, class Stored>
struct WeightsTimesBlock {
  static constexpr Index height = packet::panel_rows<S>;
  static constexpr bool reduced = !std::is_same_v<S, Stored>;
  /// Double is for proofs; reduced weights are expanded for it, whatever the number of columns.
  static constexpr bool has_reduced_tiles = reduced && std::is_same_v<S, float>;

  const PanelView<S, Stored>& W;
  Index k;
  Index inner;
  Index n;
  RightFactor<S> right;
  ProductBlock<S> out;

  void add() const {
    Index i = 0;
    if constexpr (!reduced || has_reduced_tiles) {
      if (n <= 2) {
        const Index together = panels_of_tile(static_cast<int>(n)) * height;
        for (; i + together <= W.rows; i += together) {
          several_panels_tile_for<S, Stored>(n)(inner, left(i), right, out.part(i, together));
        }
      }
    }
    for (; i < W.rows; i += height) add_panel(i, out.part(i, std::min(height, W.rows - i)));
  }

 private:
  [[nodiscard]] LeftFactor<S, Stored> left(Index i) const {
    constexpr Index column = packet::panel_column<S, Stored>;
    const Stored* panel = W.data + i / height * W.panel_stride + k * column;
    return {panel,
            column,
            W.panel_stride,
            W.scales == nullptr ? nullptr : W.scales + i,
            reinterpret_cast<const char*>(panel + W.panel_stride),
            0};
  }
  /// What the next panel has to be brought near; nothing where this one is read only once.
  [[nodiscard]] Index next_bytes(Index i) const {
    const Index all = W.rows * W.cols * static_cast<Index>(sizeof(S));
    if (n <= tile_columns || i + height >= W.rows || all <= weights_nearby) return 0;
    return inner * packet::panel_column<S, Stored> * static_cast<Index>(sizeof(Stored));
  }

  void add_panel(Index i, ProductBlock<S> c) const {
    const LeftFactor<S, Stored> a = left(i);
    if constexpr (!reduced || has_reduced_tiles) {
      if (!reduced || n <= columns_in_place) {
        panel_product<false, S, Stored>(inner, n, a, right, c, next_bytes(i));
        return;
      }
    }
    if constexpr (reduced) {
      alignas(64) S expanded[height * inner_block];
      expand_panel<S, Stored>(inner, a, expanded);
      panel_product<false, S, S>(inner, n, {expanded, height, 0, nullptr, a.ahead, 0}, right, c,
                                 next_bytes(i));
    }
  }
};

/// Y += W X, or Y = W X where Y is `fresh`.
template <Scalar S, class Stored>
void weights_times(const PanelView<S, Stored>& W, ConstView<S> X, View<S> Y, bool fresh) {
  check_shape("multiply_add", "X", X, W.cols, X.cols());
  check_shape("multiply_add", "Y", Y, W.rows, X.cols());
  for (Index j = 0; j < X.cols(); j += column_block) {
    const Index columns = std::min(column_block, X.cols() - j);
    const RightFactor<S> right{X.data() + j * X.outerStride(), 1, X.outerStride()};
    ProductBlock<S> out{Y.data() + j * Y.outerStride(), Y.outerStride(), 0, fresh};
    for (Index k = 0; k == 0 || k < W.cols; k += inner_block, out.fresh = false) {
      const Index inner = std::min(inner_block, W.cols - k);
      WeightsTimesBlock<S, Stored>{W, k, inner, columns, {right.data + k, 1, right.j_stride}, out}
          .add();
    }
  }
}

}  // namespace detail

/// Y += W X. W (m x k) in panels of any precision, X (k x n), Y (m x n). Allocates nothing. Throws
/// ShapeError. Reduced weights give the bits of the same numbers in full precision.
template <Scalar S, class Stored>
void multiply_add(const PanelView<S, Stored>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y) {
  detail::weights_times<S, Stored>(W, X, Y, false);
}
template <Scalar S>
void multiply_add(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y) {
  W.visit([&](const auto& view) { multiply_add(view, X, Y); });
}

/// Y = W X, as multiply_add but overwritten; what Y held is not read.
template <Scalar S, class Stored>
void multiply(const PanelView<S, Stored>& W, ConstView<std::type_identity_t<S>> X,
              View<std::type_identity_t<S>> Y) {
  detail::weights_times<S, Stored>(W, X, Y, true);
}
template <Scalar S>
void multiply(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
              View<std::type_identity_t<S>> Y) {
  W.visit([&](const auto& view) { multiply(view, X, Y); });
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
      panel_product<Rows, S, S>(inner, n, {a + i, A.outerStride(), 0}, b,
                                {C.data() + i, C.outerStride(), rows});
    }
    if (i == A.rows()) continue;
    // The last rows, fewer than a packet, are copied so that nothing beyond them is read.
    alignas(64) S edge[w * inner_block];
    std::fill_n(edge, w * inner, S{0});
    for (Index c = 0; c < inner; ++c) {
      std::copy_n(a + i + c * A.outerStride(), A.rows() - i, edge + c * w);
    }
    panel_product<Rows, S, S>(inner, n, {static_cast<const S*>(edge), w, 0}, b,
                              {C.data() + i, C.outerStride(), A.rows() - i});
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
  using detail::outer_block;
  alignas(64) S left[height * outer_block];
  for (Index k = 0; k < X.cols(); k += outer_block) {
    const Index inner = std::min(outer_block, X.cols() - k);
    for (Index i = 0; i < dW.rows(); i += height) {
      const Index rows = std::min(height, dW.rows() - i);
      if (rows < height) std::fill_n(left, height * inner, S{0});
      for (Index c = 0; c < inner; ++c)
        std::copy_n(dY.col(k + c).data() + i, rows, left + c * height);
      detail::panel_product<true, S, S>(inner, X.cols() == 0 ? 0 : dW.cols(), {left, height, 0},
                                        {X.data() + k * X.outerStride(), X.outerStride(), 1},
                                        {dW.data() + i / height * dW.panel_stride(), height, rows});
    }
  }
}

}  // namespace attend
