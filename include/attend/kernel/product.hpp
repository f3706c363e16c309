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
#include <attend/kernel/deal.hpp>
#include <attend/kernel/int8_product.hpp>
#include <attend/kernel/machine.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product_tile.hpp>
#include <attend/kernel/sweep.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Columns of weights that meet all columns of X before the next ones do: for so many the result is
/// read and written once. They come from the second-level cache, fast enough.
inline constexpr Index inner_block = 1024;
/// Columns of a left factor that is copied, to be expanded or for its edge.
inline constexpr Index copied_block = 256;
/// The same for outer products, whose right factor is read across its columns, a page each.
inline constexpr Index outer_block = 128;
/// Bytes of weights that the second-level cache keeps from one product to the next.
inline constexpr Index weights_nearby = Index{1} << 19;
/// Columns beside which a panel computes so long that the next one is worth bringing near on cores
/// that fetch in order by themselves, too.
inline constexpr Index columns_beside_fetching = 32;
/// Bytes of the right factor of an outer product that stay there while a panel of the result
/// passes.
inline constexpr Index right_nearby = Index{1} << 19;
/// Columns of X that stay in the second-level cache while all weights pass.
inline constexpr Index column_block = 192;

/// What a product brings near on its way, because it is read next: columns as high as a panel, by
/// its first tiles, and then `bytes` from `data` on, by all others. A little with every column of
/// the left factor is faster than all of it in the first tile.
template <Scalar S>
struct Ahead {
  const char* data = nullptr;
  Index bytes = 0;
  const S* columns = nullptr;
  Index column_stride = 0;

  static constexpr Index tiles_of_columns =
      (packet::panel_rows<S> * static_cast<Index>(sizeof(S)) + bytes_ahead<S> - 1) / bytes_ahead<S>;

  /// How many bytes every column of the left factor goes on by.
  [[nodiscard]] Index step(Index tiles, Index inner) const {
    if (bytes == 0) return 0;
    const Index first = columns == nullptr ? 0 : tiles_of_columns;
    return std::min(bytes_ahead<S>, bytes / std::max(Index{1}, (tiles - first) * inner));
  }
  /// The part of tile i, whose left factor is `a`.
  template <class Stored>
  void give(Index i, Index inner, Index step, LeftFactor<S, Stored>& a) const {
    if (columns != nullptr && i < tiles_of_columns) {
      a.ahead = reinterpret_cast<const char*>(columns) + i * bytes_ahead<S>;
      a.ahead_stride = column_stride * static_cast<Index>(sizeof(S));
      return;
    }
    const Index begin = (columns == nullptr ? i : i - tiles_of_columns) * inner * step;
    a.ahead = begin < bytes ? data + begin : nullptr;
    a.ahead_stride = step;
  }
};

/// One panel (`c.rows` high) times n columns of B, added to C.
template <Scalar S, class Stored>
EIGEN_ALWAYS_INLINE void panel_product(Index inner, Index n, LeftFactor<S, Stored> a,
                                       RightFactor<S> b, ProductBlock<S> c,
                                       const Ahead<S>& ahead = {}) {
  const Index packets = (c.rows + packet::width<S> - 1) / packet::width<S>;
  const Index tile_rows =
      std::is_same_v<S, Stored> ? packets * packet::width<S> : packet::panel_rows<S>;
  const Deal tiles(n, tile_columns);
  const Index step = ahead.step(tiles.parts, inner);
  for (Index i = 0; i < tiles.parts; ++i) {
    const Index columns = tiles.size(i);
    ahead.give(i, inner, step, a);
    const ProductTile<S, Stored> tile = tile_for<S, Stored>(packets, columns);
    c.with_rows(tile_rows, columns,
                [&](const ProductBlock<S>& block) { tile(inner, a, b, block); });
    b.data += columns * b.j_stride;
    c.data += columns * c.stride;
  }
}

/// The panel at `a`, from its storage to S.
template <Scalar S, class Stored>
void expand_panel(Index inner, LeftFactor<S, Stored> a, S* expanded) {
  constexpr int packets = static_cast<int>(packet::panel_packets);
  for (Index k = 0; k < inner; ++k, a.data += a.k_stride, expanded += packet::panel_rows<S>) {
    packet::Packet<S> column[packets];
    load_column<packets, S>(a.data, column);
    for (int p = 0; p < packets; ++p) packet::store(expanded + p * packet::width<S>, column[p]);
  }
}

/// A block of columns of X, all rows of W, and `depth` columns of W from column k on, a panel after
/// the other.
template <Scalar S, class Stored>
struct WeightsTimesBlock {
  static constexpr Index height = packet::panel_rows<S>;
  /// Double is for proofs; reduced weights are expanded for it.
  static constexpr bool in_place = std::is_same_v<S, Stored> || std::is_same_v<S, float>;

  const PanelView<S, Stored>& W;
  Index k;
  Index depth;
  Index n;
  RightFactor<S> right;
  ProductBlock<S> out;

  void add(Sweep sweep) const {
    const Index panels = (W.rows + height - 1) / height;
    if constexpr (in_place) {
      if (n == 1) return add_several<1>(panels, sweep);
      if (n == 2) return add_several<2>(panels, sweep);
      if (streams(panels)) return add_streaming(panels, sweep);
    }
    for_each_index(panels, sweep, [&](Index p) { add_panel(p * height, sweep); });
  }

 private:
  static constexpr Index column = packet::panel_column<S, Stored>;

  /// Columns of W from column c of the block on, in the panel that begins with row i.
  [[nodiscard]] LeftFactor<S, Stored> left(Index i, Index c) const {
    return {W.data + i / height * W.panel_stride + (k + c) * column, column, W.panel_stride};
  }

  template <int Columns>
  void add_several(Index panels, Sweep sweep) const {
    const Deal tiles(panels, most_panels<Stored>(Columns));
    for_each_index(tiles.parts, sweep, [&](Index t) {
      const Index i = tiles.begin(t) * height;
      const ProductTile<S, Stored> tile =
          several_panels_tile_for<Columns, S, Stored>(tiles.size(t));
      add_tile(tile, i, tiles.size(t) * height, Columns);
    });
  }

  /// Whether few columns meet weights that the second-level cache does not keep, on a core that
  /// brings nothing else near for them.
  [[nodiscard]] bool streams(Index panels) const {
    const Index bytes = panels * W.panel_stride * static_cast<Index>(sizeof(Stored));
    return n >= least_streaming && n <= most_streaming && bytes > weights_nearby &&
           fetches_in_order();
  }

  void add_streaming(Index panels, Sweep sweep) const {
    const ProductTile<S, Stored> tile = streaming_tile_for<S, Stored>(n);
    for_each_index(panels, sweep, [&](Index p) { add_tile(tile, p * height, height, n); });
  }

  /// Rows [i, i + rows), of which the last panel may have fewer.
  void add_tile(ProductTile<S, Stored> tile, Index i, Index rows, Index columns) const {
    const LeftFactor<S, Stored> a = left(i, 0);
    out.part(i, std::min(rows, W.rows - i))
        .with_rows(rows, columns,
                   [&](const ProductBlock<S>& block) { tile(depth, a, right, block); });
  }

  void add_panel(Index i, Sweep sweep) const {
    const Index most = !in_place           ? copied_block
                       : n <= tile_columns ? std::max(depth, Index{1})
                                           : inner_block;
    ProductBlock<S> c = out.part(i, std::min(height, W.rows - i));
    for (Index at = 0; at == 0 || at < depth; at += most, c.begins.fresh = false) {
      const Index inner = std::min(most, depth - at);
      const LeftFactor<S, Stored> a = left(i, at);
      const RightFactor<S> b{right.data + at, 1, right.j_stride};
      const Ahead<S> ahead = next(i, at + inner, sweep);
      if constexpr (in_place) {
        panel_product<S, Stored>(inner, n, a, b, c, ahead);
      } else {
        alignas(64) S expanded[height * copied_block];
        expand_panel<S, Stored>(inner, a, expanded);
        panel_product<S, S>(inner, n, {expanded, height, 0}, b, c, ahead);
      }
    }
  }

  /// What is read behind column `end` of the panel that begins with row i; nothing where weights
  /// are read only once, or stay near, or come by themselves soon enough.
  [[nodiscard]] Ahead<S> next(Index i, Index end, Sweep sweep) const {
    const Index all = W.rows * W.cols * static_cast<Index>(sizeof(S));
    const Index fewest = fetches_in_order() ? columns_beside_fetching : tile_columns + 1;
    if (n < fewest || all <= weights_nearby) return {};
    if (end == depth) {
      i += sweep == Sweep::there ? height : -height;
      end = 0;
      if (i < 0 || i >= W.rows) return {};
    }
    return {reinterpret_cast<const char*>(left(i, end).data),
            std::min(inner_block, depth - end) * column * static_cast<Index>(sizeof(Stored))};
  }
};

/// Adds W X to what Y begins with. As many columns of W at a time as keep those of X near.
template <Scalar S, class Stored>
void blocks_times(const PanelView<S, Stored>& W, ConstView<S> X, View<S> Y, Sweep sweep,
                  Beginning<S> begins) {
  for (Index j = 0; j < X.cols(); j += column_block) {
    const Index columns = std::min(column_block, X.cols() - j);
    const Index nearby = right_nearby / static_cast<Index>(sizeof(S)) / columns;
    const Index deepest = std::max(Index{1}, nearby / copied_block) * copied_block;
    const RightFactor<S> right{X.data() + j * X.outerStride(), 1, X.outerStride()};
    ProductBlock<S> out{Y.data() + j * Y.outerStride(), Y.outerStride(), 0, begins};
    for (Index k = 0; k == 0 || k < W.cols; k += deepest, out.begins.fresh = false) {
      const Index depth = std::min(deepest, W.cols - k);
      WeightsTimesBlock<S, Stored>{W, k, depth, columns, {right.data + k, 1, right.j_stride}, out}
          .add(sweep);
    }
  }
}

template <Scalar S, class Stored>
void weights_times(const PanelView<S, Stored>& W, ConstView<S> X, View<S> Y, Sweep sweep,
                   Beginning<S> begins = {}) {
  check_shape("multiply_add", "X", X, W.cols, X.cols());
  check_shape("multiply_add", "Y", Y, W.rows, X.cols());
  if constexpr (std::is_same_v<Stored, std::int8_t>) {
    int8_times<S>(W, X, Y, sweep, begins);
  } else {
    blocks_times<S, Stored>(W, X, Y, sweep, begins);
  }
}

}  // namespace detail

/// Y += W X. W (m x k) in panels of any precision, X (k x n), Y (m x n). Allocates nothing. Throws
/// ShapeError. Weights in bfloat16 give the bits of the same numbers in full precision; with int8 X
/// is rounded to 16 bits a column (int8_product.hpp).
template <Scalar S, class Stored>
void multiply_add(const PanelView<S, Stored>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y, Sweep sweep = Sweep::there) {
  detail::weights_times<S, Stored>(W, X, Y, sweep);
}
template <Scalar S>
void multiply_add(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
                  View<std::type_identity_t<S>> Y, Sweep sweep = Sweep::there) {
  W.visit([&](const auto& view) { multiply_add(view, X, Y, sweep); });
}

/// Y = W X, as multiply_add but overwritten; what Y held is not read.
template <Scalar S, class Stored>
void multiply(const PanelView<S, Stored>& W, ConstView<std::type_identity_t<S>> X,
              View<std::type_identity_t<S>> Y) {
  detail::weights_times<S, Stored>(W, X, Y, Sweep::there, {.fresh = true});
}
template <Scalar S>
void multiply(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
              View<std::type_identity_t<S>> Y) {
  W.visit([&](const auto& view) { multiply(view, X, Y); });
}

/// Y = W X + b. W (m x k), X (k x n), b (m), Y (m x n). As multiply, but sums begin with b.
template <Scalar S>
void multiply(const PanelMatrix<S>& W, ConstView<std::type_identity_t<S>> X,
              const Vector<std::type_identity_t<S>>& b, View<std::type_identity_t<S>> Y,
              Sweep sweep = Sweep::there) {
  check_size("multiply", "size of b", b.size(), W.rows());
  W.visit([&]<class Stored>(const PanelView<S, Stored>& view) {
    detail::weights_times<S, Stored>(view, X, Y, sweep, {.fresh = true, .bias = b.data()});
  });
}

namespace detail {

/// C += A B, or `fresh` C = A B, for a left factor in plain columns, read in place.
template <Scalar S>
void plain_product(ConstView<S> A, RightFactor<S> B, Index n, View<S> C, bool fresh = false) {
  constexpr Index w = packet::width<S>;
  constexpr Index height = packet::panel_rows<S>;
  if (A.rows() == 0 || n == 0) return;
  for (Index k = 0; k < A.cols() || (k == 0 && fresh); k += copied_block, fresh = false) {
    const Index inner = std::min(copied_block, A.cols() - k);
    const S* a = A.data() + k * A.outerStride();
    const RightFactor<S> b{B.data + k * B.k_stride, B.k_stride, B.j_stride};
    Index i = 0;
    for (Index rows = 0; i + w <= A.rows(); i += rows) {
      rows = std::min(height, (A.rows() - i) / w * w);
      panel_product<S, S>(inner, n, {a + i, A.outerStride(), 0}, b,
                          {C.data() + i, C.outerStride(), rows, {fresh}});
    }
    if (i == A.rows()) continue;
    // The last rows, fewer than a packet, are copied so that nothing beyond them is read.
    alignas(64) S edge[w * copied_block];
    std::fill_n(edge, w * inner, S{0});
    for (Index c = 0; c < inner; ++c) {
      std::copy_n(a + i + c * A.outerStride(), A.rows() - i, edge + c * w);
    }
    panel_product<S, S>(inner, n, {static_cast<const S*>(edge), w, 0}, b,
                        {C.data() + i, C.outerStride(), A.rows() - i, {fresh}});
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
  detail::plain_product<S>(A, {B.data(), 1, B.outerStride()}, B.cols(), C);
}

/// C = A B, as that, but overwritten; what C held is not read.
template <Scalar S>
void multiply(ConstView<S> A, ConstView<std::type_identity_t<S>> B,
              View<std::type_identity_t<S>> C) {
  check_shape("multiply", "B", B, A.cols(), C.cols());
  check_shape("multiply", "C", C, A.rows(), B.cols());
  detail::plain_product<S>(A, {B.data(), 1, B.outerStride()}, B.cols(), C, true);
}

/// C += A B'. A (m x k), B (n x k), C (m x n). Allocates nothing.
template <Scalar S>
void multiply_transposed_add(ConstView<S> A, ConstView<std::type_identity_t<S>> B,
                             View<std::type_identity_t<S>> C) {
  check_shape("multiply_transposed_add", "B", B, C.cols(), A.cols());
  check_shape("multiply_transposed_add", "C", C, A.rows(), B.rows());
  detail::plain_product<S>(A, {B.data(), B.outerStride(), 1}, B.rows(), C);
}

namespace detail {

/// Up to a panel's height of a column.
template <Scalar S>
EIGEN_ALWAYS_INLINE void copy_rows(Index rows, const S* from, S* to) {
  if (rows < packet::panel_rows<S>) {
    std::copy_n(from, rows, to);
    return;
  }
  for (Index p = 0; p < packet::panel_rows<S>; p += packet::width<S>) {
    packet::store(to + p, packet::load(from + p));
  }
}

/// The rows [i, i + rows) of dY, `rows` at most a panel's height, times X', added to a panel of dW.
/// The panel stays in the second-level cache while all columns pass; meanwhile the next one and the
/// columns that it needs first are brought near.
template <Scalar S>
void add_outer_panel(ConstView<S> dY, ConstView<S> X, Index i, PanelMatrix<S>& dW) {
  constexpr Index height = packet::panel_rows<S>;
  alignas(64) S left[height * outer_block];
  const Index rows = std::min(height, dW.rows() - i);
  if (rows < height) std::fill_n(left, height * std::min(outer_block, X.cols()), S{0});
  S* panel = dW.data() + i / height * dW.panel_stride();
  const Deal blocks(X.cols(), outer_block);
  for (Index block = 0; block < blocks.parts; ++block) {
    const Index k = blocks.begin(block);
    const Index inner = blocks.size(block);
    for (Index c = 0; c < inner; ++c) {
      copy_rows(rows, dY.data() + i + (k + c) * dY.outerStride(), left + c * height);
    }
    Ahead<S> ahead;
    const bool last = block + 1 == blocks.parts;
    const Index next = last ? i + height : i;
    if (next + height <= dW.rows()) {
      ahead.columns = dY.data() + next + (last ? 0 : k + inner) * dY.outerStride();
      ahead.column_stride = dY.outerStride();
      if (last) {
        ahead.data = reinterpret_cast<const char*>(panel + dW.panel_stride());
        ahead.bytes = dW.panel_stride() * static_cast<Index>(sizeof(S));
      }
    }
    panel_product<S, S>(inner, dW.cols(), {left, height, 0},
                        {X.data() + k * X.outerStride(), X.outerStride(), 1}, {panel, height, rows},
                        ahead);
  }
}

}  // namespace detail

/// dW += dY X', the gradient of Y = W X with respect to W. dY (m x n), X (k x n), dW (m x k).
/// Reads and writes dW once for all columns of X that the second-level cache keeps. Allocates
/// nothing. Throws ShapeError.
template <Scalar S>
void add_outer(ConstView<std::type_identity_t<S>> dY, ConstView<std::type_identity_t<S>> X,
               PanelMatrix<S>& dW) {
  check_shape("add_outer", "dY", dY, dW.rows(), X.cols());
  check_shape("add_outer", "X", X, dW.cols(), dY.cols());
  constexpr Index nearby = detail::right_nearby / static_cast<Index>(sizeof(S));
  const Index columns = std::max(detail::outer_block, nearby / std::max(Index{1}, X.rows()));
  for (Index k = 0; k < X.cols(); k += columns) {
    const Index n = std::min(columns, X.cols() - k);
    for (Index i = 0; i < dW.rows(); i += packet::panel_rows<S>) {
      detail::add_outer_panel<S>(dY.middleCols(k, n), X.middleCols(k, n), i, dW);
    }
  }
}

}  // namespace attend
