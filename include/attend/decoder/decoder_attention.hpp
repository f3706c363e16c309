/// How a decoder asks its attention: a step of many hypotheses, or all steps of a sentence.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <attend/attention/attention.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>

namespace attend::inline ATTEND_ABI {

/// The attention's part of the steps of N columns.
template <Scalar S>
struct DecoderAttentionTrace {
  Buffer<S> queries;
  Buffer<S> contexts;
  std::vector<S> normalisers;
  Buffer<S> d_queries;
  Buffer<S> d_contexts;

  AttentionWorkspace<S> workspace;
  Buffer<S> sentence_queries;
  Buffer<S> sentence_contexts;
  Buffer<S> d_sentence_queries;
  Buffer<S> d_sentence_contexts;

  [[nodiscard]] std::span<S> normalisers_of(Index first, Index n) {
    return std::span(normalisers)
        .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
  }
};

/// An attention that is asked by the columns of a trace. Columns [first, first + n) are one step,
/// in which column first + i reads source `sentences[i]`.
template <Score Z>
class DecoderAttention : public Attention<Z> {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;
  using Trace = DecoderAttentionTrace<S>;
  using Attention<Z>::Attention;

  /// d_q features ask; contexts have d_v.
  void resize(Index N, Index d_q, Index d_v, Trace& trace) const {
    const bool projects = projects_queries(this->score);
    trace.queries.resize(projects ? this->score.projected_size(d_v) : d_q, N);
    trace.contexts.resize(d_v, N);
    trace.normalisers.resize(static_cast<std::size_t>(N));
  }

  void zero_gradients(Trace& trace) const {
    trace.d_queries.zero(trace.queries.rows(), trace.queries.cols());
    trace.d_contexts.zero(trace.contexts.rows(), trace.contexts.cols());
  }

  /// Q (d_q x n) asks at step `step`; overwrites the contexts of the step's columns, and column i
  /// of `alignments`, if given, with the weights of hypothesis i.
  void ask(const Memory<S>& memory, std::span<const Index> sentences, Index step, ConstView<S> Q,
           Index first, Trace& trace, Buffer<S>* alignments) const {
    const Index n = Q.cols();
    this->project_queries(Q, trace.queries.columns(first, n));
    // Neighbours that read the same source, a beam, share one pass over it.
    for (Index i = 0, end = 0; i < n; i = end) {
      const Index b = sentences[static_cast<std::size_t>(i)];
      for (end = i + 1; end < n && sentences[static_cast<std::size_t>(end)] == b;) ++end;
      const Index U = end - i;
      std::optional<View<S>> weights;
      if (alignments != nullptr) {
        weights.emplace(alignments->column(i), memory.length(b), U, alignments->rows());
      }
      this->attend(memory[b], {trace.queries.columns(first + i, U), step},
                   trace.contexts.columns(first + i, U), trace.workspace,
                   trace.normalisers_of(first + i, U), weights ? &*weights : nullptr);
    }
  }

  /// c = attend(project(Q)) for one step:  adds to dQ (d_q x n), the memory's gradient, `gradient`.
  void ask_backward(const DecoderAttention& transposed, const Memory<S>& memory,
                    std::span<const Index> sentences, Index step, ConstView<S> Q, Index first,
                    View<S> dQ, Trace& trace, Memory<S>& d_memory,
                    DecoderAttention& gradient) const {
    const Index n = Q.cols();
    for (Index i = first; i < first + n; ++i) {
      const Index b = sentences[static_cast<std::size_t>(i - first)];
      this->backward(memory[b], {trace.queries.columns(i, 1), step},
                     {trace.contexts.columns(i, 1), trace.normalisers_of(i, 1)},
                     trace.d_contexts.columns(i, 1), trace.d_queries.columns(i, 1),
                     d_memory.gradient(b), gradient, trace.workspace);
    }
    this->project_queries_backward(transposed, Q, trace.d_queries.columns(first, n), dQ, gradient);
  }

  /// All steps of each target ask together (U = target length). Q (d_q x N, step-major).
  void ask_by_sentence(const Memory<S>& memory, const Ragged& layout, ConstView<S> Q,
                       Trace& trace) const {
    this->project_queries(Q, trace.queries.view());
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      View<S> A = trace.sentence_queries.resize(trace.queries.rows(), U);
      View<S> contexts = trace.sentence_contexts.resize(trace.contexts.rows(), U);
      gather(layout, b, trace.queries, A);
      this->attend(memory[b], {A}, contexts, trace.workspace,
                   trace.normalisers_of(layout.start(b), U));
      scatter(layout, b, contexts, trace.contexts);
    }
  }

  void ask_by_sentence_backward(const DecoderAttention& transposed, const Memory<S>& memory,
                                const Ragged& layout, ConstView<S> Q, View<S> dQ, Trace& trace,
                                Memory<S>& d_memory, DecoderAttention& gradient) const {
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      View<S> A = trace.sentence_queries.resize(trace.queries.rows(), U);
      View<S> contexts = trace.sentence_contexts.resize(trace.contexts.rows(), U);
      View<S> dA = trace.d_sentence_queries.zero(A.rows(), U);
      View<S> d_contexts = trace.d_sentence_contexts.resize(contexts.rows(), U);
      gather(layout, b, trace.queries, A);
      gather(layout, b, trace.contexts, contexts);
      gather(layout, b, trace.d_contexts, d_contexts);
      this->backward(memory[b], {A}, {contexts, trace.normalisers_of(layout.start(b), U)},
                     d_contexts, dA, d_memory.gradient(b), gradient, trace.workspace);
      scatter(layout, b, dA, trace.d_queries);
    }
    this->project_queries_backward(transposed, Q, trace.d_queries.view(), dQ, gradient);
  }

 private:
  static void gather(const Ragged& layout, Index b, const Buffer<S>& from, View<S> to) {
    for (Index t = 0; t < to.cols(); ++t) to.col(t) = from.view().col(layout.column(b, t));
  }
  static void scatter(const Ragged& layout, Index b, ConstView<S> from, Buffer<S>& to) {
    for (Index t = 0; t < from.cols(); ++t) to.view().col(layout.column(b, t)) = from.col(t);
  }
};

}  // namespace attend
