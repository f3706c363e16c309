/// The attention engine.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <attend/attention/memory.hpp>
#include <attend/attention/window.hpp>
#include <attend/core/buffer.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// Scratch of the engine; one a thread, kept from call to call.
template <Scalar S>
struct AttentionWorkspace {
  Buffer<S> queries;
  Buffer<S> keys;
  Buffer<S> energies;
  Buffer<S> gradients;
  Buffer<S> running;
};

/// Queries that look at one memory together, already projected: A (d_e x U). `first` is the
/// position of the first, for windows.
template <Scalar S>
struct Queries {
  ConstView<S> A;
  Index first = 0;
};

/// c_u = sum_t a_tu v_t with a_u = softmax_t e_tu, e_tu = score(k_t, q_u).
///
/// Walks the memory tile by tile: energies, online softmax (Milakov, Gimelshein 2018,
/// arXiv 1805.02867), weighted sum. Memory is read once for all queries of a block and nothing of
/// size T x U is written unless the weights are asked for. A query that sees no key gets a zero
/// context; a hidden key's content never reaches an output. The bits of a query's context depend on
/// the query and its memory alone. Once warm, allocates nothing.
template <Score Z, Window W = Full>
class Attention {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;

  Z score;
  W window;

  Attention() = default;
  explicit Attention(Z z, W w = {}) : score(std::move(z)), window(w) {}

  static void parameters(auto&& f, auto&... m) { f("score", m.score...); }

  /// The size of projected keys for a memory with d_v features; 0 where keys are the values.
  [[nodiscard]] Index key_size(Index d_v) const {
    return projects_keys(score) ? score.projected_size(d_v) : 0;
  }

  /// Fills the keys of a memory whose values are there: once per source.
  void project_keys(Memory<S>& memory) const {
    if constexpr (ProjectsKeys<Z>) {
      if (projects_keys(score)) score.project_keys(memory.values(), memory.keys());
    }
  }

  /// K = project(H):  adds to the values' gradient and to the score's.
  void project_keys_backward(const Attention& transposed, const Memory<S>& memory,
                             Memory<S>& d_memory, Attention& gradient) const {
    if constexpr (ProjectsKeys<Z>) {
      if (!projects_keys(score)) return;
      score.project_keys_backward(transposed.score, memory.values(), memory.keys(), d_memory.keys(),
                                  d_memory.values(), gradient.score);
    }
  }

  /// Q (d_q x U); overwrites A (d_e x U).
  void project_queries(ConstView<S> Q, View<S> A) const {
    if constexpr (ProjectsQueries<Z>) {
      if (projects_queries(score)) {
        score.project_queries(Q, A);
        return;
      }
    }
    A = Q;
  }

  /// A = project(Q):  adds to dQ and to the score's gradient.
  void project_queries_backward(const Attention& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Attention& gradient) const {
    if constexpr (ProjectsQueries<Z>) {
      if (projects_queries(score)) {
        score.project_queries_backward(transposed.score, Q, dA, dQ, gradient.score);
        return;
      }
    }
    dQ += dA;
  }

  /// From annotations and queries as they are: H (d_h x T), Q (d_q x U); overwrites C (d_h x U)
  /// and, if given, the weights (T x U). Throws ShapeError. For one source seen once; what is read
  /// again should keep a Memory.
  void attend(ConstView<S> H, ConstView<S> Q, View<S> C, AttentionWorkspace<S>& workspace,
              View<S>* weights = nullptr) const {
    check_shape("Attention::attend", "C", C, H.rows(), Q.cols());
    const bool project = projects_keys(score);
    View<S> K = workspace.keys.resize(project ? score.projected_size(H.rows()) : 0, H.cols());
    if constexpr (ProjectsKeys<Z>) {
      if (project) score.project_keys(H, K);
    }
    const ConstView<S> keys = project ? ConstView<S>(K) : H;
    const Index d_e = projects_queries(score) ? keys.rows() : Q.rows();
    View<S> A = workspace.queries.resize(d_e, Q.cols());
    project_queries(Q, A);
    attend(MemoryView<S>{keys, H}, Queries<S>{A}, C, workspace, {}, weights);
  }

  /// The same, and makes `weights` the alignment (T x U).
  void attend(ConstView<S> H, ConstView<S> Q, View<S> C, AttentionWorkspace<S>& workspace,
              Matrix<S>& weights) const {
    weights.resize(H.cols(), Q.cols());
    View<S> view = weights;
    attend(H, Q, C, workspace, &view);
  }

  /// From a projected memory and projected queries. Overwrites C (d_v x U); `normalisers`, if not
  /// empty, gets log sum_t exp(e_tu) for the way back; `weights`, if given, the alignment (T x U).
  void attend(const MemoryView<S>& memory, const Queries<S>& queries, View<S> C,
              AttentionWorkspace<S>& workspace, std::span<S> normalisers = {},
              View<S>* weights = nullptr) const {
    const Index U = queries.A.cols();
    check_shape("Attention::attend", "projected queries", queries.A, memory.keys.rows(), C.cols());
    check_shape("Attention::attend", "C", C, memory.values.rows(), U);
    if (weights != nullptr) {
      check_shape("Attention::attend", "weights", *weights, memory.keys.cols(), U);
      weights->setZero();
    }
    for (Index u = 0; u < U; u += query_block) {
      const Index count = std::min(query_block, U - u);
      attend_block(memory, queries, u, count, C.middleCols(u, count), workspace, normalisers,
                   weights);
    }
  }

  /// What attend gave for the same queries: contexts (d_v x U) and their normalisers.
  struct Outcome {
    ConstView<S> C;
    std::span<const S> normalisers;
  };

  /// c = sum_t a_t v_t, a = softmax(e):  da_t = v_t'dc, de_t = a_t (da_t - dc'c), dv_t += a_t dc;
  /// weights are recomputed from the normalisers. dC (d_v x U); adds to dA (d_e x U), to the
  /// memory's gradient and to the score's.
  void backward(const MemoryView<S>& memory, const Queries<S>& queries, const Outcome& outcome,
                ConstView<S> dC, View<S> dA, MemoryGradient<S> d_memory, Attention& gradient,
                AttentionWorkspace<S>& workspace) const {
    for (Index u = 0; u < dC.cols(); u += query_block) {
      const Index count = std::min(query_block, dC.cols() - u);
      for_each_tile(queries.first, u, count, memory.keys.cols(), [&](Tile tile) {
        tile_backward(memory, queries, outcome, dC, dA, d_memory, gradient, workspace, tile);
      });
    }
  }

 private:
  /// Queries that share one pass over the memory, and keys of one tile.
  static constexpr Index query_block = 32;
  static constexpr Index key_tile = 64;

  struct Tile {
    Index key;
    Index keys;
    Index query;
    Index queries;
  };

  /// Calls `body` for tiles that every query of the block sees in full; a tile that some see in
  /// part is cut into what each query sees of it.
  template <class Body>
  void for_each_tile(Index first, Index u, Index count, Index T, Body&& body) const {
    for (Index t = 0; t < T; t += key_tile) {
      const Index end = std::min(t + key_tile, T);
      bool whole = true;
      for (Index i = u; i < u + count; ++i) {
        const KeyRange seen = window.range(first + i, T);
        whole = whole && seen.begin <= t && seen.end >= end;
      }
      if (whole) {
        body(Tile{t, end - t, u, count});
        continue;
      }
      for (Index i = u; i < u + count; ++i) {
        const KeyRange seen = window.range(first + i, T);
        const Index from = std::max(t, seen.begin);
        const Index to = std::min(end, seen.end);
        if (from < to) body(Tile{from, to - from, i, 1});
      }
    }
  }

  void attend_block(const MemoryView<S>& memory, const Queries<S>& queries, Index u, Index count,
                    View<S> C, AttentionWorkspace<S>& workspace, std::span<S> normalisers,
                    View<S>* weights) const {
    C.setZero();
    View<S> running = workspace.running.resize(2, count);
    running.row(0).setConstant(-std::numeric_limits<S>::infinity());
    running.row(1).setZero();
    for_each_tile(queries.first, u, count, memory.keys.cols(), [&](Tile tile) {
      View<S> E = workspace.energies.resize(tile.keys, tile.queries);
      score.energies(memory.keys.middleCols(tile.key, tile.keys),
                     queries.A.middleCols(tile.query, tile.queries), E);
      if (weights != nullptr) {
        weights->block(tile.key, tile.query, tile.keys, tile.queries) = E;
      }
      View<S> C_tile = C.middleCols(tile.query - u, tile.queries);
      for (Index j = 0; j < tile.queries; ++j) {
        accumulate_softmax(tile.keys, E.data() + j * tile.keys,
                           running.data() + 2 * (tile.query - u + j), C_tile.col(j));
      }
      multiply_add(ConstView<S>(memory.values.middleCols(tile.key, tile.keys)), E, C_tile);
    });
    for (Index j = 0; j < count; ++j) {
      const S largest = running(0, j);
      const S sum = running(1, j);
      const bool blind = !(sum > 0) && !std::isnan(sum);
      const S normaliser = blind ? std::numeric_limits<S>::infinity() : largest + std::log(sum);
      if (!blind) C.col(j) *= S{1} / sum;
      if (!normalisers.empty()) normalisers[static_cast<std::size_t>(u + j)] = normaliser;
      if (weights != nullptr) normalise_weights(queries.first, u + j, normaliser, *weights);
    }
  }

  /// m' = max(m, e), l' = l e^(m-m') + sum e^(e-m'), c' = c e^(m-m'); E becomes e^(e-m').
  static void accumulate_softmax(Index n, S* E, S* running, View<S> c) {
    constexpr S lowest = -std::numeric_limits<S>::infinity();
    auto peak = packet::fill<S>(lowest);
    packet::for_each_lane<S>(
        n, [&](auto lane) { peak = packet::pmax(peak, lane.inside(lane.load(E), lowest)); });
    const S largest = std::max(running[0], static_cast<S>(packet::largest(peak)));
    if (largest == lowest) {
      std::fill_n(E, n, S{0});
      return;
    }
    const auto shift = packet::fill<S>(largest);
    auto total = packet::fill<S>(0);
    packet::for_each_lane<S>(n, [&](auto lane) {
      const auto p = packet::exp(packet::psub(lane.load(E), shift));
      lane.store(E, p);
      total = packet::padd(total, lane.inside(p, 0));
    });
    if (largest > running[0]) {
      const S shrink = std::exp(running[0] - largest);
      running[0] = largest;
      running[1] *= shrink;
      c *= shrink;
    }
    running[1] += packet::sum(total);
  }

  void normalise_weights(Index first, Index u, S normaliser, View<S> weights) const {
    const KeyRange seen = window.range(first + u, weights.rows());
    if (seen.begin >= seen.end) return;
    weights_from_energies(seen.end - seen.begin, weights.col(u).data() + seen.begin, normaliser);
  }

  /// E becomes a = e^(e - normaliser).
  static void weights_from_energies(Index n, S* E, S normaliser) {
    const auto shift = packet::fill<S>(normaliser);
    packet::for_each_lane<S>(
        n, [&](auto lane) { lane.store(E, packet::exp(packet::psub(lane.load(E), shift))); });
  }

  void tile_backward(const MemoryView<S>& memory, const Queries<S>& queries, const Outcome& outcome,
                     ConstView<S> dC, View<S> dA, MemoryGradient<S> d_memory, Attention& gradient,
                     AttentionWorkspace<S>& workspace, Tile tile) const {
    const auto keys = memory.keys.middleCols(tile.key, tile.keys);
    const auto values = memory.values.middleCols(tile.key, tile.keys);
    const auto A = queries.A.middleCols(tile.query, tile.queries);
    const ConstView<S> dc = dC.middleCols(tile.query, tile.queries);
    View<S> P = workspace.energies.resize(tile.keys, tile.queries);
    View<S> dE = workspace.gradients.resize(tile.keys, tile.queries);
    score.energies(keys, A, P);
    dots<S>(values, dc, dE);
    for (Index j = 0; j < tile.queries; ++j) {
      const Index u = tile.query + j;
      weights_from_energies(tile.keys, P.col(j).data(),
                            outcome.normalisers[static_cast<std::size_t>(u)]);
      const S mean = dC.col(u).dot(outcome.C.col(u));
      dE.col(j).array() = P.col(j).array() * (dE.col(j).array() - mean);
    }
    multiply_transposed_add(dc, P, d_memory.values.middleCols(tile.key, tile.keys));
    score.energies_backward(keys, A, dE, d_memory.keys.middleCols(tile.key, tile.keys),
                            dA.middleCols(tile.query, tile.queries), gradient.score);
  }
};

}  // namespace attend
