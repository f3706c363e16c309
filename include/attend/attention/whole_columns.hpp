/// The way of alignment functions that need all energies of a query at once.
#pragma once

#include <algorithm>
#include <limits>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/attention/memory.hpp>
#include <attend/attention/scored_tiles.hpp>
#include <attend/attention/sight.hpp>
#include <attend/attention/workspace.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/weighted_sum.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Attention of one call, query by query: the energies of the keys that it sees stand side by side,
/// the alignment function turns them into weights. A key whose weight is zero is not read.
template <Score Z, Window W, class F>
class WholeColumns {
 public:
  using S = typename Z::Scalar;

  struct Gradients {
    const S* weights;
    const S* d_weights;
    ConstView<S> dC;
    View<S> dA;
    MemoryGradient<S> d_memory;
  };

  WholeColumns(const Z& score, const W& window, const F& alignment, const MemoryView<S>& memory,
               const Queries<S>& queries, AttentionWorkspace<S>& workspace)
      : score_(score),
        tiles_(score, memory.keys, memory.first, queries),
        alignment_(alignment),
        sight_(window, queries, memory),
        memory_(memory),
        queries_(queries),
        workspace_(workspace) {}

  /// Overwrites E (T x U).
  void energies(View<S> E) const {
    E.setConstant(-std::numeric_limits<S>::infinity());
    for (Index u = 0; u < E.cols(); ++u) {
      for_each_run(u, [&](Index from, Index to) {
        energies_of_run(u, from, to, E.col(u).middleRows(from, to - from));
      });
    }
  }

  /// Overwrites C (d_v x U); `weights` (T x U), if given, is zero before.
  void attend(View<S> C, View<S>* weights) const {
    C.setZero();
    for (Index u = 0; u < C.cols(); ++u) {
      View<S> a = seen_energies(u);
      if (a.rows() == 0) continue;
      alignment_.align(std::span<S>(a.data(), static_cast<std::size_t>(a.rows())),
                       step_of(u, workspace_.previous));
      if (weights != nullptr) {
        for_each_seen(u, [&](Index i, Index t) { (*weights)(t, u) = a(i, 0); });
      }
      drop(u, a);
      for_each_seen(u, [&](Index i, Index t) {
        if (a(i, 0) != S{0}) add_weighted_columns<S>(value(t), &a(i, 0), C.col(u).data());
      });
    }
  }

  /// da_t = v_t'dc, dv_t += a_t dc; the alignment function turns da into de, the score takes that.
  void backward(Gradients d, Z& gradient, F& alignment_gradient) const {
    for (Index u = 0; u < d.dC.cols(); ++u) {
      View<S> e = seen_energies(u, tiles_.adjusts());
      const Index n = e.rows();
      if (n == 0) continue;
      View<S> a = workspace_.aligned.resize(n, 1);
      a = e;
      const auto length = static_cast<std::size_t>(n);
      std::span<const S> weights(a.data(), length);
      if (d.weights != nullptr) {
        const S* kept = d.weights + u * memory_.keys.cols();
        for_each_seen(u, [&](Index i, Index t) { a(i, 0) = kept[t]; });
      } else {
        alignment_.align(std::span<S>(a.data(), length), step_of(u, workspace_.previous));
      }
      View<S> da = workspace_.gradients.resize(n, 1);
      for_each_seen(u, [&](Index i, Index t) {
        dots<S>(value(t), d.dC.col(u), View<S>(da.data() + i, 1, 1, 1));
      });
      drop(u, da);
      if (d.d_weights != nullptr) {
        const S* asked = d.d_weights + u * memory_.keys.cols();
        for_each_seen(u, [&](Index i, Index t) { da(i, 0) += asked[t]; });
      }
      AlignmentStep<S> step = step_of(u, workspace_.previous);
      take_d_previous(u, n, step);
      alignment_.align_backward(std::span<const S>(e.data(), length), weights,
                                std::span<S>(da.data(), length), step, alignment_gradient);
      give_d_previous(u, step);
      drop(u, a);
      for_each_seen(u,
                    [&](Index i, Index t) { d.d_memory.values.col(t) += a(i, 0) * d.dC.col(u); });
      energies_backward(u, da, d, gradient);
    }
  }

 private:
  /// What the alignment function reaches of what query u sees.
  template <class Body>
  void for_each_run(Index u, Body&& body) const {
    KeyRange reach{0, memory_.keys.cols()};
    if constexpr (requires { alignment_.reach(std::span<const S>(), Index{}); }) {
      reach = alignment_.reach(controls(u), memory_.keys.cols());
    }
    sight_.for_each_run(u, reach.begin, reach.end, body);
  }

  /// Calls `body(i, t)`: the i-th key that query u sees is t.
  template <class Body>
  void for_each_seen(Index u, Body&& body) const {
    Index i = 0;
    for_each_run(u, [&](Index from, Index to) {
      for (Index t = from; t < to; ++t) body(i++, t);
    });
  }

  [[nodiscard]] ConstView<S> value(Index t) const { return memory_.values.middleCols(t, 1); }

  /// Adjusted, with the bias.
  void energies_of_run(Index u, Index from, Index to, View<S> e, S* adjusted = nullptr) const {
    const Tile run{from, to - from, u, 1};
    const EnergyTile<S> tile = tiles_.at(run, e.data());
    if (reads_past()) {
      if constexpr (ReadsPast<Z>) {
        score_.energies_after(past_tile(u, from, to), e, workspace_.past);
      }
    } else {
      score_.energies(tile.K, tile.A, e);
    }
    tiles_.complete(run, tile, [&] {
      if (adjusted != nullptr) std::copy_n(e.data(), e.rows(), adjusted);
    });
  }

  /// The energies of the keys that query u sees, side by side (n x 1).
  View<S> seen_energies(Index u, bool keeps = false) const {
    Index n = 0;
    for_each_run(u, [&](Index from, Index to) { n += to - from; });
    View<S> e = workspace_.energies.resize(n, 1);
    S* adjusted = keeps ? workspace_.adjusted.resize(n, 1).data() : nullptr;
    Index i = 0;
    for_each_run(u, [&](Index from, Index to) {
      energies_of_run(u, from, to, View<S>(e.middleRows(i, to - from)),
                      keeps ? adjusted + i : nullptr);
      i += to - from;
    });
    return e;
  }

  void energies_backward(Index u, View<S> de, const Gradients& d, Z& gradient) const {
    Index i = 0;
    for_each_run(u, [&](Index from, Index to) {
      const Index n = to - from;
      TileGradient<S> tile_gradient{View<S>(d.d_memory.keys).middleCols(from, n),
                                    View<S>(d.dA).middleCols(u, 1)};
      View<S> run = de.middleRows(i, n);
      const Tile tile{from, n, u, 1};
      if (tiles_.adjusts()) {
        tiles_.backward(tiles_.at(tile, workspace_.adjusted.column(0) + i),
                        tiles_.at(tile, run.data()), tile_gradient, gradient);
      }
      if (reads_past()) {
        if constexpr (ReadsPast<Z>) {
          score_.energies_after_backward(past_tile(u, from, to), run,
                                         {tile_gradient.dK, tile_gradient.dA, d_past(u)}, gradient,
                                         workspace_.past);
        }
      } else {
        score_.energies_backward(memory_.keys.middleCols(from, n), queries_.A.middleCols(u, 1), run,
                                 tile_gradient.dK, tile_gradient.dA, gradient);
      }
      i += n;
    });
  }

  [[nodiscard]] bool reads_past() const {
    return queries_.past != nullptr && past_of(score_) != Past::nothing;
  }
  [[nodiscard]] PastTile<S> past_tile(Index u, Index from, Index to) const {
    const Index T = memory_.keys.cols();
    return {memory_.keys.middleCols(from, to - from),
            queries_.A.middleCols(u, 1),
            {queries_.past + u * T, static_cast<std::size_t>(T)},
            from};
  }
  [[nodiscard]] std::span<S> d_past(Index u) const {
    if (queries_.d_past == nullptr) return {};
    const Index T = memory_.keys.cols();
    return {queries_.d_past + u * T, static_cast<std::size_t>(T)};
  }

  [[nodiscard]] std::span<const S> controls(Index u) const {
    const Index n = control_size(alignment_);
    if (queries_.controls == nullptr) return {};
    return {queries_.controls + u * n, static_cast<std::size_t>(n)};
  }
  [[nodiscard]] std::span<S> d_controls(Index u) const {
    const Index n = control_size(alignment_);
    if (queries_.d_controls == nullptr) return {};
    return {queries_.d_controls + u * n, static_cast<std::size_t>(n)};
  }

  void drop(Index u, View<S> a) const {
    if (queries_.dropout.p == 0) return;
    for_each_seen(u,
                  [&](Index i, Index t) { a(i, 0) *= queries_.dropout.template factor<S>(t, u); });
  }

  [[nodiscard]] AlignmentStep<S> step_of(Index u, Buffer<S>& memory) const {
    AlignmentStep<S> step;
    step.query = queries_.first + u;
    step.keys = memory_.first + memory_.keys.cols();
    step.random = queries_.random;
    step.controls = controls(u);
    step.d_controls = d_controls(u);
    if (queries_.advantages != nullptr) step.advantage = queries_.advantages[u];
    Index n = 0;
    for_each_seen(u, [&](Index i, Index t) {
      if (i == 0) step.first_key = memory_.first + t;
      n = i + 1;
    });
    if (queries_.previous == nullptr) return step;
    View<S> previous = memory.resize(n, 1);
    const S* kept = queries_.previous + u * memory_.keys.cols();
    for_each_seen(u, [&](Index i, Index t) { previous(i, 0) = kept[t]; });
    step.previous = std::span<const S>(previous.data(), static_cast<std::size_t>(n));
    return step;
  }

  void take_d_previous(Index, Index n, AlignmentStep<S>& step) const {
    if (queries_.d_previous == nullptr) return;
    View<S> d = workspace_.d_previous.zero(n, 1);
    step.d_previous = std::span<S>(d.data(), static_cast<std::size_t>(n));
  }
  void give_d_previous(Index u, const AlignmentStep<S>& step) const {
    if (queries_.d_previous == nullptr) return;
    S* d = queries_.d_previous + u * memory_.keys.cols();
    for_each_seen(u,
                  [&](Index i, Index t) { d[t] += step.d_previous[static_cast<std::size_t>(i)]; });
  }

  const Z& score_;
  ScoredTiles<Z> tiles_;
  const F& alignment_;
  Sight<W, S> sight_;
  const MemoryView<S>& memory_;
  const Queries<S>& queries_;
  AttentionWorkspace<S>& workspace_;
};

}  // namespace attend::inline ATTEND_ABI::detail
