/// The way of few queries, and of any score: energies in columns of keys.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include <attend/attention/memory.hpp>
#include <attend/attention/scored_tiles.hpp>
#include <attend/attention/sight.hpp>
#include <attend/attention/workspace.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/machine.hpp>
#include <attend/kernel/overlapped_tiles.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/kernel/tiles_in_turn.hpp>
#include <attend/kernel/weighted_sum.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// How one query of inner products goes from tile to tile; the bits are the same.
enum class OneQuery { overlapped, in_turn };

/// Softmax attention of one call: the memory is walked in tiles that stay in the first-level cache
/// between their energies and their weighted sum. A tile that some queries see in part is cut into
/// what each sees of it, so that what is hidden is never touched.
template <Score Z, Window W>
class FewQueries {
 public:
  using S = typename Z::Scalar;

  FewQueries(const Z& score, const W& window, const MemoryView<S>& memory,
             const Queries<S>& queries, AttentionWorkspace<S>& workspace,
             OneQuery one_query = fetches_in_order() ? OneQuery::in_turn : OneQuery::overlapped)
      : score_(score),
        tiles_(score, memory.keys, memory.first, queries),
        sight_(window, queries, memory),
        memory_(memory),
        queries_(queries),
        workspace_(workspace),
        one_query_(one_query),
        tile_keys_(keys_of_a_tile(memory.values.rows())),
        far_((memory.keys.size() + memory.values.size()) * static_cast<Index>(sizeof(S)) >=
             memory_far) {
    // What one query would need, so that a call warms the workspace for all.
    workspace_.energies.resize(most_keys + keys_in_turn, 2);
  }

  /// Queries [u, u + count). Overwrites C (d_v x count) and normalisers; `weights`, if given, gets
  /// the energies of what is seen.
  void attend(Index u, Index count, View<S> C, S* normalisers, View<S>* weights) const {
    View<S> running = workspace_.running.resize(Running::size, count);
    for (Index j = 0; j < count; ++j) Running(running, j).begin();
    if (count > 1 || !overlaps()) {
      for_each_tile(u, count,
                    [&](const Tile& tile) { finish(tile, energies(tile), u, C, weights); });
    } else if (inner_product_scale(score_) && one_query_ == OneQuery::in_turn) {
      C.setZero();
      attend_in_turn(u, C, weights);
    } else {
      C.setZero();
      attend_overlapped(u, C, weights);
    }
    for (Index j = 0; j < count; ++j) {
      const Running of_query(running, j);
      const S sum = of_query.softmax.sum();
      const bool blind = !(sum > 0) && !std::isnan(sum);
      normalisers[j] = blind ? std::numeric_limits<S>::infinity() : of_query.softmax.normaliser();
      if (blind) C.col(j).setZero();
      if (!blind && !of_query.divided()) C.col(j) *= S{1} / sum;
    }
  }

  /// de_t = a_t (v_t'dc - c'dc), dv_t += a_t dc, with weights from the normalisers. The gradients
  /// of queries [u, u + count); dC, C are those of the whole call.
  void backward(Index u, Index count, ConstView<S> C, std::span<const S> normalisers,
                ConstView<S> dC, View<S> dA, MemoryGradient<S> d_memory, Z& gradient) const {
    for_each_tile(u, count, [&](const Tile& tile) {
      const auto values = memory_.values.middleCols(tile.key, tile.keys);
      const ConstView<S> dc = dC.middleCols(tile.query, tile.queries);
      View<S> dE = workspace_.gradients.resize(tile.keys, tile.queries);
      dots<S>(values, dc, dE);
      drop_weights(queries_, tiles_.at(tile, dE.data()), tile.query);
      View<S> P = energies(tile, tiles_.adjusts());
      for (Index j = 0; j < tile.queries; ++j) {
        const Index q = tile.query + j;
        exponentials(tile.keys, P.col(j).data(), normalisers[static_cast<std::size_t>(q)]);
        const S mean = inner_product<S>(C.rows(), dC.col(q).data(), C.col(q).data());
        softmax_backward(tile.keys, P.col(j).data(), mean, dE.col(j).data());
      }
      TileGradient<S> d{d_memory.keys.middleCols(tile.key, tile.keys),
                        dA.middleCols(tile.query, tile.queries)};
      if (tiles_.adjusts()) {
        tiles_.backward(tiles_.at(tile, workspace_.adjusted.view().data()),
                        tiles_.at(tile, dE.data()), d, gradient);
      }
      score_.energies_backward(memory_.keys.middleCols(tile.key, tile.keys),
                               queries_.A.middleCols(tile.query, tile.queries), dE, d.dK, d.dA,
                               gradient);
      drop_weights(queries_, tiles_.at(tile, P.data()), tile.query);
      multiply_transposed_add(dc, P, d_memory.values.middleCols(tile.key, tile.keys));
    });
  }

 private:
  /// Of a tile.
  static constexpr Index most_keys = 64;
  /// Bytes of keys and of values, each counted where they are the same, too, that a third-level
  /// cache does not serve fast enough.
  static constexpr Index memory_far = Index{1} << 23;

  /// What a query keeps from tile to tile.
  class Running {
   public:
    static constexpr Index size = OnlineSoftmax<S>::size + 1;

    OnlineSoftmax<S> softmax;

    Running(View<S> memory, Index j)
        : softmax(memory.col(j).data() + 1), divided_(memory.col(j).data()) {}

    void begin() {
      softmax.begin();
      *divided_ = 0;
    }
    /// Whether its weights were divided by their sum already.
    [[nodiscard]] bool divided() const { return *divided_ != S{0}; }
    void divide() { *divided_ = 1; }

   private:
    S* divided_;
  };

  /// Bytes of a tile's values. Energies that compute longer than they read: a sixteenth of a
  /// second-level cache of 1 MiB, however many ask. Inner products: one query that reads keys and
  /// values at once, half a first-level cache of 32 KiB; others, an eighth of the second level:
  /// there is more to compute, and less to do between tiles. A tile's bounds are a part of the
  /// sum's order.
  [[nodiscard]] Index keys_of_a_tile(Index d_v) const {
    const bool overlapped = queries_.A.cols() == 1 && overlaps();
    const Index bytes = !inner_product_scale(score_) ? 65536 : overlapped ? 16384 : 131072;
    const Index column = static_cast<Index>(sizeof(S)) * std::max<Index>(d_v, 1);
    return std::clamp<Index>(bytes / column / 8 * 8, 8, most_keys);
  }

  template <class Body>
  void for_each_tile(Index u, Index count, Body&& body) const {
    const KeyRange all = sight_.range(u, count);
    for (Index t = first_tile(all); t < all.end; t += tile_keys_) {
      const Index end = std::min(t + tile_keys_, memory_.keys.cols());
      const Tile tile{t, end - t, u, count};
      if (sight_.whole(tile)) {
        body(tile);
        continue;
      }
      for (Index i = u; i < u + count; ++i) {
        sight_.for_each_run(i, t, end, [&](Index from, Index to) {
          body(Tile{from, to - from, i, 1});
        });
      }
    }
  }

  /// Calls `body(tile)` for what query u sees of each tile. Fewer keys than go side by side join
  /// the tile before them.
  template <class Body>
  EIGEN_ALWAYS_INLINE void for_each_tile_of(Index u, Body&& body) const {
    const KeyRange seen = sight_.range(u);
    Index end = first_tile(seen);
    sight_.for_each_run(u, seen.begin, seen.end, [&](Index from, Index to) ATTEND_INLINE_LAMBDA {
      while (from < to) {
        while (end <= from) {
          end = seen.end - end < tile_keys_ + keys_in_turn ? seen.end : end + tile_keys_;
        }
        const Index until = std::min(end, to);
        body(Tile{from, until - from, u, 1});
        from = until;
      }
    });
  }

  /// Where the tile of the first of these keys begins: tiles stand at multiples of their size in
  /// the source, whatever of it was forgotten.
  [[nodiscard]] Index first_tile(const KeyRange& keys) const {
    return (memory_.first + keys.begin) / tile_keys_ * tile_keys_ - memory_.first;
  }

  /// Whether one query's energies can be made beside a sum: inner products beside values of the
  /// keys' size.
  [[nodiscard]] bool overlaps() const {
    return !tiles_.adjusts() && overlaps_sum(score_) && queries_.dropout.p == 0 &&
           (!inner_product_scale(score_) || memory_.keys.rows() == memory_.values.rows());
  }

  /// The walk of one query of inner products where memory that is read in order comes by itself:
  /// the energies of a tile, then its sum.
  void attend_in_turn(Index u, View<S> C, View<S>* weights) const {
    const ConstView<S> K = memory_.keys;
    const S scale = *inner_product_scale(score_);
    const S* const a = queries_.A.col(u).data();
    S* const E = workspace_.energies.resize(tile_keys_ + keys_in_turn, 1).data();
    const Running running(workspace_.running.view(), 0);
    const Bringing bringing = !far_              ? Bringing::near
                              : memory_is_slow() ? Bringing::few
                                                 : Bringing::all;
    const auto step = [&](const Tile& tile) ATTEND_INLINE_LAMBDA {
      const Index end = tile.key + tile.keys;
      const Index upcoming = std::min(tile_keys_, K.cols() + memory_.behind - end);
      const ConstView<S> next(K.data() + end * K.outerStride(), K.rows(), upcoming,
                              K.outerStride());
      dots_before<S>(K.middleCols(tile.key, tile.keys), a, E, next, bringing);
      if (scale != S{1}) multiply_by(scale, tile.keys, E);
      if (queries_.bias) add_bias(queries_, tiles_.at(tile, E), u);
      if (weights != nullptr) std::copy_n(E, tile.keys, weights->col(u).data() + tile.key);
      take(tile, u, E, running, C);
      add_weighted_before<S>(sum_of(tile, E, C), next, bringing);
    };
    for_each_tile_of(u, [&](const Tile& tile) ATTEND_INLINE_LAMBDA {
      if (tile.keys == keys_in_turn) {
        step(Tile{tile.key, keys_in_turn, u, 1});  // a number that the compiler knows
      } else {
        step(tile);
      }
    });
  }

  /// The walk of one query: the energies of a tile are made while the tile before is summed up.
  void attend_overlapped(Index u, View<S> C, View<S>* weights) const {
    const Running running(workspace_.running.view(), 0);
    View<S> E = workspace_.energies.resize(tile_keys_ + keys_in_turn, 2);
    S* known = E.col(1).data();
    S* coming = E.col(0).data();
    Tile before{0, 0, u, 1};
    for_each_tile_of(u, [&](const Tile& tile) {
      View<S> next(coming, tile.keys, 1, tile.keys);
      if (before.keys > 0) take(before, u, known, running, C);
      energies_beside_sum(score_, memory_.keys.middleCols(tile.key, tile.keys),
                          queries_.A.middleCols(u, 1), next, sum_of(before, known, C));
      if (queries_.bias) add_bias(queries_, tiles_.at(tile, coming), u);
      if (weights != nullptr) weights->block(tile.key, u, tile.keys, 1) = next;
      before = tile;
      std::swap(known, coming);
    });
    if (before.keys == 0) return;
    take(before, u, known, running, C);
    sum_of(before, known, C).add_from(0);
  }

  [[nodiscard]] WeightedSum<S> sum_of(const Tile& tile, const S* weights, View<S> C) const {
    return {memory_.values.middleCols(tile.key, tile.keys), weights, C.data(), far_};
  }

  /// With `keeps`, a copy of the adjusted energies stays for the way back.
  View<S> energies(const Tile& tile, bool keeps = false) const {
    View<S> E = workspace_.energies.resize(tile.keys, tile.queries);
    const EnergyTile<S> compared = tiles_.at(tile, E.data());
    score_.energies(compared.K, compared.A, E);
    tiles_.complete(tile, compared, [&] {
      if (keeps) workspace_.adjusted.resize(tile.keys, tile.queries) = E;
    });
    return E;
  }

  /// From the energies of a tile to the running sums and contexts of queries u and on.
  void finish(const Tile& tile, View<S> E, Index u, View<S> C, View<S>* weights) const {
    if (weights != nullptr) {
      weights->block(tile.key, tile.query, tile.keys, tile.queries) = E;
    }
    View<S> C_tile = C.middleCols(tile.query - u, tile.queries);
    View<S> running = workspace_.running.view().middleCols(tile.query - u, tile.queries);
    bool fresh = true;
    for (Index j = 0; j < tile.queries; ++j) fresh = fresh && Running(running, j).softmax.fresh();
    for (Index j = 0; j < tile.queries; ++j) {
      const Running of_query(running, j);
      if (!fresh && of_query.softmax.fresh()) C_tile.col(j).setZero();
      take(tile, tile.query + j, E.data() + j * tile.keys, of_query, C_tile.col(j));
    }
    drop_weights(queries_, tiles_.at(tile, E.data()), tile.query);
    add_weighted(tile, E, C_tile, fresh);
  }

  /// Takes a tile of query u into its running sums; E becomes weights. Where the query sees nothing
  /// else, the few weights are divided by their sum, and not the context.
  EIGEN_ALWAYS_INLINE void take(const Tile& tile, Index u, S* E, Running running, View<S> c) const {
    const bool first = running.softmax.fresh();
    running.softmax.take(tile.keys, E, [&](S shrink) { c *= shrink; });
    if (!first || running.softmax.fresh() || sight_.sees_from(u, tile.key + tile.keys)) return;
    const S sum = running.softmax.sum();
    if (!(sum > S{0})) return;
    multiply_by(S{1} / sum, tile.keys, E);
    running.divide();
  }

  void add_weighted(const Tile& tile, ConstView<S> P, View<S> C, bool fresh) const {
    const ConstView<S> V = memory_.values.middleCols(tile.key, tile.keys);
    if (tile.queries > 1) {
      fresh ? multiply(V, P, C) : multiply_add(V, P, C);
      return;
    }
    if (fresh) C.setZero();
    add_weighted_columns<S>(V, P.data(), C.data());
  }

  const Z& score_;
  ScoredTiles<Z> tiles_;
  Sight<W, S> sight_;
  const MemoryView<S>& memory_;
  const Queries<S>& queries_;
  AttentionWorkspace<S>& workspace_;
  OneQuery one_query_;
  Index tile_keys_;
  bool far_;
};

}  // namespace attend::inline ATTEND_ABI::detail
