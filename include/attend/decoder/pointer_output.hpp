/// From readouts to positions of the source.
#pragma once

#include <span>
#include <utility>

#include <attend/attention/memory.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/loss/cross_entropy.hpp>
#include <attend/score/past.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// What pointing needs beside the model; one a thread, kept from call to call.
template <Scalar S>
struct PointerOutputTrace {
  Buffer<S> queries;
  Buffer<S> d_queries;
  Buffer<S> sentence_queries;
  Buffer<S> d_sentence_queries;
  Buffer<S> energies;
};

/// p(position j | readout r) = softmax_j score(h_j, r): attention is the output (Vinyals,
/// Fortunato, Jaitly 2015, arXiv 1506.03134, eq. 3; with the additive score, theirs). A layer
/// beside WordOutput, whose rows are the positions of each source.
template <Score Z>
class PointerOutput {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;
  static_assert(
      !AdjustsEnergies<Z> && !ReadsPast<Z>,
      "a pointer compares readouts with positions by content: its score may not ask where "
      "they stand or what was pointed at before");

  Z score;

  PointerOutput() = default;
  explicit PointerOutput(Z z) : score(std::move(z)) {}

  static void parameters(auto&& f, auto&... m) { f("score", m.score...); }

  /// Fills a memory with annotations H (d_h x N, step-major) and their keys.
  void remember(const Ragged& layout, ConstView<S> H, Memory<S>& memory) const {
    memory.resize(layout.lengths(), H.rows(), ProjectsKeys<Z> ? score.projected_size(H.rows()) : 0);
    to_sentence_major<S>(layout, H, memory.values());
    if constexpr (ProjectsKeys<Z>) score.project_keys(memory.values(), memory.keys());
  }

  /// d_memory is used up; adds to dH (d_h x N, step-major).
  void remember_backward(const PointerOutput& transposed, const Ragged& layout,
                         const Memory<S>& memory, Memory<S>& d_memory, View<S> dH,
                         PointerOutput& gradient) const {
    if constexpr (ProjectsKeys<Z>) {
      score.project_keys_backward(transposed.score, memory.values(), memory.keys(), d_memory.keys(),
                                  d_memory.values(), gradient.score);
    }
    for (Index b = 0; b < layout.size(); ++b) {
      const ConstView<S> d = d_memory.gradient(b).values;
      for (Index t = 0; t < d.cols(); ++t) dH.col(layout.column(b, t)) += d.col(t);
    }
  }

  /// Column i of R (d_r x n) asks source `sentences[i]`; overwrites the first T rows of its column
  /// of E (longest x n).
  void energies(const Memory<S>& memory, std::span<const Index> sentences, ConstView<S> R,
                View<S> E, PointerOutputTrace<S>& trace) const {
    const ConstView<S> A = project(R, trace);
    for (Index i = 0, end = 0; i < A.cols(); i = end) {
      const Index b = sentences[static_cast<std::size_t>(i)];
      while (end < A.cols() && sentences[static_cast<std::size_t>(end)] == b) ++end;
      score.energies(memory[b].keys, A.middleCols(i, end - i),
                     E.block(0, i, memory.length(b), end - i));
    }
  }

  /// -sum log p(target), in nats, of all steps: R (d_r x N) and targets in the layout's order, the
  /// columns of sequence b asking source b. Throws std::invalid_argument for a target outside its
  /// source.
  Loss loss(const Memory<S>& memory, const TokenBatch& targets, ConstView<S> R,
            PointerOutputTrace<S>& trace) const {
    return each_sentence(memory, targets, project(R, trace), S{0}, trace, [](Index) {});
  }

  /// e = score(h, r), L = -log softmax(e)_target:  de = scale (p - 1[target]). Adds to dR (d_r x
  /// N), to the keys' gradient and to `gradient`; returns the loss.
  Loss loss_backward(const PointerOutput& transposed, const Memory<S>& memory,
                     const TokenBatch& targets, ConstView<S> R, S scale,
                     PointerOutputTrace<S>& trace, View<S> dR, Memory<S>& d_memory,
                     PointerOutput& gradient) const {
    const ConstView<S> A = project(R, trace);
    View<S> dA = trace.d_queries.zero(A.rows(), A.cols());
    const Loss loss = each_sentence(memory, targets, A, scale, trace, [&](Index b) {
      View<S> d = trace.d_sentence_queries.zero(A.rows(), targets.layout.length(b));
      score.energies_backward(memory[b].keys, trace.sentence_queries.view(), trace.energies.view(),
                              d_memory.gradient(b).keys, d, gradient.score);
      for (Index t = 0; t < d.cols(); ++t) dA.col(targets.layout.column(b, t)) = d.col(t);
    });
    if constexpr (ProjectsQueries<Z>) {
      score.project_queries_backward(transposed.score, R, dA, dR, gradient.score);
    } else {
      dR += dA;
    }
    return loss;
  }

 private:
  [[nodiscard]] ConstView<S> project(ConstView<S> R, PointerOutputTrace<S>& trace) const {
    if constexpr (ProjectsQueries<Z>) {
      View<S> A = trace.queries.resize(score.projected_size(R.rows()), R.cols());
      score.project_queries(R, A);
      return A;
    } else {
      return R;
    }
  }

  /// Overwrites the trace's queries (d_e x U) and energies (T x U) with those of each sequence b;
  /// the energies become their own gradient, and `backward(b)` is called, where scale is not 0.
  template <class Backward>
  Loss each_sentence(const Memory<S>& memory, const TokenBatch& targets, ConstView<S> A, S scale,
                     PointerOutputTrace<S>& trace, Backward&& backward) const {
    const Ragged& layout = targets.layout;
    Loss loss{0, layout.columns()};
    for (Index b = 0; b < layout.size(); ++b) {
      const Index T = memory.length(b);
      const Index U = layout.length(b);
      View<S> queries = trace.sentence_queries.resize(A.rows(), U);
      for (Index t = 0; t < U; ++t) queries.col(t) = A.col(layout.column(b, t));
      View<S> E = trace.energies.resize(T, U);
      score.energies(memory[b].keys, queries, E);
      for (Index t = 0; t < U; ++t) {
        const Token target = targets.tokens[static_cast<std::size_t>(layout.column(b, t))];
        loss.nats +=
            static_cast<double>(cross_entropy_in_place<S>(T, E.col(t).data(), target, S{0}, scale));
      }
      if (scale != S{0}) backward(b);
    }
    return loss;
  }
};

}  // namespace attend
