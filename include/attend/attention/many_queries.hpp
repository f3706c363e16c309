/// The way of many queries with inner products: all products are those of packed weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <attend/attention/memory.hpp>
#include <attend/attention/scored_tiles.hpp>
#include <attend/attention/sight.hpp>
#include <attend/attention/workspace.hpp>
#include <attend/kernel/finite_columns.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/kernel/softmax_rows.hpp>
#include <attend/kernel/transposed_panels.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Softmax attention of one call, a block of queries at a time. Queries stand side by side in the
/// lanes of the packets: energies are E' (queries x keys) = (s A)' K with the block's queries
/// packed once, softmax needs no sum across a packet, and c += V P reads its weights as they lie.
/// Hidden pairs have the energy -inf, and columns that would carry NaN or Inf past a weight of zero
/// are taken out of the products.
template <Score Z, Window W>
class ManyQueries {
 public:
  using S = typename Z::Scalar;

  /// Queries that share one pass over the memory, and keys of one tile.
  static constexpr Index query_block = 64;
  static constexpr Index tile_keys = 64;

  ManyQueries(const Z& score, const W& window, const MemoryView<S>& memory,
              const Queries<S>& queries, AttentionWorkspace<S>& workspace)
      : scale_(inner_product_scale(score).value_or(S{1})),
        sight_(window, queries, memory),
        keys_(gathered(memory.keys, workspace.gathered_keys)),
        values_(gathered(memory.values, workspace.gathered_values)),
        tiles_(score, keys_, memory.first, queries),
        queries_(queries),
        workspace_(workspace) {}

  /// Queries [u, u + count). Overwrites `out` (d_v x count) and normalisers; `weights`, if given,
  /// gets the energies of what is seen and -inf for what is not.
  void attend(Index u, Index count, View<S> out, S* normalisers, View<S>* weights) const {
    const PanelView<S> A = pack(u, count);
    View<S> C = workspace_.contexts.zero(out.rows(), count);
    RunningSoftmax<S> running(workspace_.running.resize(A.rows, 3));
    for_each_tile(u, count, [&](const Tile& tile, bool whole) {
      View<S> E = energies(A, tile, whole, false);
      if (weights != nullptr) {
        for (Index j = 0; j < count; ++j) {
          for (Index t = 0; t < tile.keys; ++t) (*weights)(tile.key + t, u + j) = E(j, t);
        }
      }
      if (running.accumulate(E)) {
        for (Index j = 0; j < count; ++j) {
          if (running.shrink(j) != S{1}) multiply_by(running.shrink(j), C.rows(), C.col(j).data());
        }
      }
      drop_weights(queries_, located(tile, E), u);
      add_weighted(values_.middleCols(tile.key, tile.keys), whole, E, C, workspace_.clean_values);
    });
    for (Index j = 0; j < count; ++j) {
      normalisers[j] = running.normaliser(j);
      out.col(j) = C.col(j);
      multiply_by(running.sees(j) ? S{1} / running.sum(j) : S{0}, out.rows(), out.col(j).data());
    }
  }

  /// de_t = a_t (v_t'dc - c'dc), dv_t += a_t dc, dk_t += s de_t a, da += s de_t k_t, with weights
  /// from the normalisers. The gradients of queries [u, u + count); C, dC, dA are the whole call's.
  void backward(Index u, Index count, ConstView<S> C, std::span<const S> normalisers,
                ConstView<S> dC, View<S> dA, MemoryGradient<S> d_memory, Z& gradient) const {
    const PanelView<S> A = pack(u, count);
    const ConstView<S> dc = gathered(dC.middleCols(u, count), workspace_.gathered_gradients);
    const ConstView<S> a = gathered(queries_.A.middleCols(u, count), workspace_.gathered_queries);
    const PanelView<S> dC_packed = pack_transposed<S>(dc, S{1}, workspace_.packed_gradients);
    View<S> known = workspace_.running.resize(A.rows, 2);
    known.setZero();
    for (Index j = 0; j < count; ++j) {
      known(j, 0) = normalisers[static_cast<std::size_t>(u + j)];
      known(j, 1) = inner_product<S>(C.rows(), dc.col(j).data(), C.col(u + j).data());
    }
    for_each_tile(u, count, [&](const Tile& tile, bool whole) {
      View<S> P = energies(A, tile, whole, tiles_.adjusts());
      View<S> dE = workspace_.gradients.resize(A.rows, tile.keys);
      const FiniteColumns<S> V(values_.middleCols(tile.key, tile.keys), whole,
                               workspace_.clean_values);
      multiply(dC_packed, V.columns(), dE);
      drop_weights(queries_, located(tile, dE), u);
      softmax_rows_backward<S>(known, P, dE);
      backward_of_energies(tile, whole, a, dE, dA, d_memory, gradient);
      drop_weights(queries_, located(tile, P), u);
      multiply_add(dc, P.topRows(count), d_memory.values.middleCols(tile.key, tile.keys));
    });
  }

 private:
  /// A view of columns that lie side by side: a head's rows among those of all heads stand a power
  /// of two apart, in few sets of the cache.
  static ConstView<S> gathered(ConstView<S> m, Buffer<S>& copy) {
    if (m.outerStride() == m.rows() || m.cols() == 1) return m;
    View<S> together = copy.resize(m.rows(), m.cols());
    together = m;
    return together;
  }

  PanelView<S> pack(Index u, Index count) const {
    return pack_transposed<S>(queries_.A.middleCols(u, count), scale_, workspace_.packed_queries);
  }

  /// Calls `body(tile, whole)`; whole: every query sees every key of it.
  template <class Body>
  void for_each_tile(Index u, Index count, Body&& body) const {
    const KeyRange all = sight_.range(u, count);
    for (Index t = all.begin / tile_keys * tile_keys; t < all.end; t += tile_keys) {
      const Index end = std::min(t + tile_keys, keys_.cols());
      const Tile tile{t, end - t, u, count};
      body(tile, sight_.whole(tile));
    }
  }

  /// E is (lanes x keys), the lanes beyond the queries hold nothing.
  [[nodiscard]] EnergyTile<S> located(const Tile& tile, View<S> E) const {
    return tiles_.at(tile, E.data(), E.rows(), 1);
  }

  View<S> energies(const PanelView<S>& A, const Tile& tile, bool whole, bool keeps) const {
    View<S> E = workspace_.energies.resize(A.rows, tile.keys);
    multiply(A, keys_.middleCols(tile.key, tile.keys), E);
    tiles_.complete(tile, located(tile, E), [&] {
      if (keeps) workspace_.adjusted.resize(E.rows(), E.cols()) = E;
    });
    if (!whole) hide(tile, E);
    return E;
  }

  void hide(const Tile& tile, View<S> E) const {
    constexpr S lowest = -std::numeric_limits<S>::infinity();
    for (Index j = 0; j < tile.queries; ++j) {
      Index shown = 0;
      sight_.for_each_run(tile.query + j, tile.key, tile.key + tile.keys,
                          [&](Index from, Index to) {
                            E.block(j, shown, 1, from - tile.key - shown).setConstant(lowest);
                            shown = to - tile.key;
                          });
      E.block(j, shown, 1, tile.keys - shown).setConstant(lowest);
    }
  }

  /// C += M P' for columns M (d x keys), of which some are hidden from some queries unless the tile
  /// is whole, and their weights P (lanes x keys): a weight of 0 hides NaN and Inf.
  static void add_weighted(ConstView<S> M, bool whole, ConstView<S> P, View<S> C,
                           Buffer<S>& scratch) {
    const FiniteColumns<S> finite(M, whole, scratch);
    multiply_transposed_add(finite.columns(), P.topRows(C.cols()), C);
    finite.for_each_other([&](Index t) {
      for (Index j = 0; j < C.cols(); ++j) {
        if (P(j, t) != S{0}) C.col(j) += P(j, t) * M.col(t);
      }
    });
  }

  void backward_of_energies(const Tile& tile, bool whole, ConstView<S> a, View<S> dE, View<S> dA,
                            MemoryGradient<S> d_memory, Z& gradient) const {
    TileGradient<S> d{d_memory.keys.middleCols(tile.key, tile.keys),
                      dA.middleCols(tile.query, tile.queries)};
    if (tiles_.adjusts()) {
      tiles_.backward(located(tile, workspace_.adjusted.view()), located(tile, dE), d, gradient);
    }
    if (scale_ != S{1}) dE *= scale_;
    const ConstView<S> K = keys_.middleCols(tile.key, tile.keys);
    multiply_add(a, dE.topRows(tile.queries), d.dK);
    add_weighted(K, whole, dE, d.dA, workspace_.clean_keys);
  }

  S scale_;
  Sight<W, S> sight_;
  ConstView<S> keys_;
  ConstView<S> values_;
  ScoredTiles<Z> tiles_;
  const Queries<S>& queries_;
  AttentionWorkspace<S>& workspace_;
};

}  // namespace attend::inline ATTEND_ABI::detail
