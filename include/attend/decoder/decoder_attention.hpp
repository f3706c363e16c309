/// How a decoder asks its attention: a step of many hypotheses, or all steps of a sentence.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <attend/attention/attention.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>
#include <attend/decoder/weight_history.hpp>

namespace attend::inline ATTEND_ABI {

/// The attention's part of the steps of N columns.
template <Scalar S>
struct DecoderAttentionTrace {
  Buffer<S> queries;
  Buffer<S> contexts;
  std::vector<S> normalisers;
  Buffer<S> controls;
  Buffer<S> d_queries;
  Buffer<S> d_contexts;
  Buffer<S> d_controls;
  WeightHistory<S> history;
  WeightHistory<S> d_history;
  /// Whether history holds the weights of all steps for others.
  bool keeps_weights = false;
  /// (longest x N), of losses on the weights; empty without any.
  Buffer<S> d_weights;
  std::optional<Random> random;
  /// Of each column, for alignment functions that learn from rewards; empty without any.
  std::vector<S> advantages;

  AttentionWorkspace<S> workspace;
  Buffer<S> sentence_queries;
  Buffer<S> sentence_contexts;
  Buffer<S> sentence_controls;
  Buffer<S> d_sentence_queries;
  Buffer<S> d_sentence_contexts;
  Buffer<S> d_sentence_controls;
  Buffer<S> sentence_weights;
  Buffer<S> d_sentence_weights;

  [[nodiscard]] std::span<S> normalisers_of(Index first, Index n) {
    return std::span(normalisers)
        .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n));
  }
};

/// An attention that is asked by the columns of a trace. Columns [first, first + n) are one step,
/// in which column first + i reads source `sentences[i]`.
template <Score Z, Window W = Full, class F = Softmax>
class DecoderAttention : public Attention<Z, W, F> {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;
  using Trace = DecoderAttentionTrace<S>;

  DecoderAttention() = default;
  explicit DecoderAttention(Attention<Z, W, F> attention)
      : Attention<Z, W, F>(std::move(attention)) {}

  /// Keeps the weights of every step of a batch in trace.history, so that losses on them may leave
  /// their gradient in trace.d_weights between `unroll` and its way back. Throws
  /// std::invalid_argument for a softmax in tiles.
  void keep_weights() {
    check_argument(
        this->needs_columns(),
        "DecoderAttention: a loss on weights needs them by whole columns; use Sharpened{} "
        "as the alignment function, which is softmax by whole columns");
    keeps_weights_ = true;
  }
  [[nodiscard]] bool keeps_history() const { return keeps_weights_ || reads_history(); }

  /// Whether a step needs the weights of the steps before, so that each waits for the last.
  [[nodiscard]] bool reads_history() const {
    return reads_previous(this->alignment) || past_of(this->score) != Past::nothing;
  }

  /// Before the first step of a batch.
  void begin_history(const Memory<S>& memory, const Ragged& layout, const Random* random,
                     Trace& trace) const {
    trace.random.reset();
    if (random != nullptr && this->needs_columns()) trace.random = random->fork(layout_stream);
    trace.keeps_weights = keeps_weights_;
    trace.advantages.clear();
    trace.d_weights.resize(0, 0);
    if (keeps_history()) trace.history.zero(memory.longest(), layout.columns());
  }

  /// d_q features ask; contexts have d_v.
  void resize(Index N, Index d_q, Index d_v, Trace& trace) const {
    const bool projects = projects_queries(this->score);
    trace.queries.resize(projects ? this->score.projected_size(d_v) : d_q, N);
    trace.contexts.resize(d_v, N);
    trace.controls.resize(control_size(this->alignment), N);
    trace.normalisers.resize(static_cast<std::size_t>(N));
  }

  void zero_gradients(Trace& trace) const {
    trace.d_queries.zero(trace.queries.rows(), trace.queries.cols());
    trace.d_contexts.zero(trace.contexts.rows(), trace.contexts.cols());
    trace.d_controls.zero(trace.controls.rows(), trace.controls.cols());
    if (keeps_history()) trace.d_history.zero(trace.history.weights.rows(), trace.contexts.cols());
    if (trace.d_weights.cols() > 0) trace.d_history.weights.view() += trace.d_weights.view();
  }

  /// Q (d_q x n) asks at step `step`; overwrites the contexts of the step's columns, and the step's
  /// own weights where there is room for them.
  void ask(const Memory<S>& memory, std::span<const Index> sentences, Index step, ConstView<S> Q,
           Index first, const StepWeights<S>& weights, Trace& trace) const {
    const Index n = Q.cols();
    this->project_queries(Q, trace.queries.columns(first, n));
    this->controls(Q, trace.controls.columns(first, n));
    // Neighbours that read the same source, a beam, share one pass over it, unless each has its
    // past or it matters where they stand: they stand at one step, neighbours in a pass do not.
    const bool share =
        !reads_history() && shows_all(this->window) && !reads_query_position(this->score);
    for (Index i = 0, end = 0; i < n; i = end) {
      const Index b = sentences[static_cast<std::size_t>(i)];
      end = i + 1;
      while (share && end < n && sentences[static_cast<std::size_t>(end)] == b) ++end;
      const Index U = end - i;
      const Random own = random_of(trace, b);
      Queries<S> queries = queries_of(step, first + i, U, trace, own);
      if (weights.previous && reads_history()) read_past(i, memory.length(b), weights, queries);
      // A source that arrives is shown from where the step before stopped.
      if (memory.moves()) queries.previous = nullptr;
      std::optional<View<S>> kept;
      if (weights.own) kept.emplace(weights.own[i], memory.length(b), U, weights.own.stride);
      this->attend(memory[b], queries, trace.contexts.columns(first + i, U), trace.workspace,
                   trace.normalisers_of(first + i, U), kept ? &*kept : nullptr);
    }
  }

  /// c = attend(project(Q)) for one step, behind the one at column `before` (-1: none):  adds to dQ
  /// (d_q x n), the memory's gradient, `gradient`, and to that of the weights before.
  void ask_backward(const DecoderAttention& transposed, const Memory<S>& memory,
                    std::span<const Index> sentences, Index step, ConstView<S> Q, Index first,
                    Index before, View<S> dQ, Trace& trace, Memory<S>& d_memory,
                    DecoderAttention& gradient) const {
    const Index n = Q.cols();
    const bool history = reads_history();
    StepWeights<S> weights;
    StepWeights<S> d_weights;
    if (keeps_history()) {
      weights = trace.history.step(first, before);
      d_weights = trace.d_history.step(first, before);
    }
    for (Index i = 0; i < n; ++i) {
      const Index b = sentences[static_cast<std::size_t>(i)];
      const Index column = first + i;
      const Random own = random_of(trace, b);
      Queries<S> queries = queries_of(step, column, 1, trace, own);
      queries.d_controls = trace.d_controls.column(column);
      if (!trace.advantages.empty()) queries.advantages = &trace.advantages[at(column)];
      if (weights.previous && history) {
        read_past(i, memory.length(b), weights, queries);
        queries.d_previous = d_weights.previous[i];
        queries.d_past = accumulates() ? d_weights.accumulated[i] : d_weights.previous[i];
      }
      this->backward(memory[b], queries,
                     {trace.contexts.columns(column, 1), trace.normalisers_of(column, 1),
                      weights.own[i], d_weights.own[i]},
                     trace.d_contexts.columns(column, 1), trace.d_queries.columns(column, 1),
                     d_memory.gradient(b), gradient, trace.workspace);
      if (weights.previous && history && accumulates())
        d_weights.accumulate_backward(i, memory.length(b));
    }
    this->controls_backward(transposed, Q, trace.d_controls.columns(first, n), dQ, gradient);
    this->project_queries_backward(transposed, Q, trace.d_queries.columns(first, n), dQ, gradient);
  }

  /// All steps of each target ask together (U = target length). Q (d_q x N, step-major).
  void ask_by_sentence(const Memory<S>& memory, const Ragged& layout, ConstView<S> Q,
                       Trace& trace) const {
    this->project_queries(Q, trace.queries.view());
    this->controls(Q, trace.controls.view());
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      View<S> contexts = trace.sentence_contexts.resize(trace.contexts.rows(), U);
      const Random own = random_of(trace, b);
      this->attend(memory[b], queries_of_sentence(layout, b, trace, own), contexts, trace.workspace,
                   trace.normalisers_of(layout.start(b), U));
      scatter(layout, b, contexts, trace.contexts);
    }
  }

  void ask_by_sentence_backward(const DecoderAttention& transposed, const Memory<S>& memory,
                                const Ragged& layout, ConstView<S> Q, View<S> dQ, Trace& trace,
                                Memory<S>& d_memory, DecoderAttention& gradient) const {
    for (Index b = 0; b < layout.size(); ++b) {
      const Index U = layout.length(b);
      View<S> contexts = trace.sentence_contexts.resize(trace.contexts.rows(), U);
      View<S> dA = trace.d_sentence_queries.zero(trace.queries.rows(), U);
      View<S> dP = trace.d_sentence_controls.zero(trace.controls.rows(), U);
      View<S> d_contexts = trace.d_sentence_contexts.resize(contexts.rows(), U);
      gather(layout, b, trace.contexts, contexts);
      gather(layout, b, trace.d_contexts, d_contexts);
      const Random own = random_of(trace, b);
      Queries<S> queries = queries_of_sentence(layout, b, trace, own);
      queries.d_controls = dP.data();
      this->backward(memory[b], queries, {contexts, trace.normalisers_of(layout.start(b), U)},
                     d_contexts, dA, d_memory.gradient(b), gradient, trace.workspace);
      scatter(layout, b, dA, trace.d_queries);
      scatter(layout, b, dP, trace.d_controls);
    }
    this->controls_backward(transposed, Q, trace.d_controls.view(), dQ, gradient);
    this->project_queries_backward(transposed, Q, trace.d_queries.view(), dQ, gradient);
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  /// Of the batch's generator, for alignment functions that draw.
  static constexpr std::uint64_t layout_stream = 0x616c69676e;

  [[nodiscard]] bool accumulates() const { return past_of(this->score) == Past::accumulated; }

  /// The generator of sentence b, the same on the way back.
  static Random random_of(const Trace& trace, Index b) {
    return trace.random ? trace.random->fork(static_cast<std::uint64_t>(b)) : Random();
  }

  /// U queries whose first is the trace's column `first`.
  Queries<S> queries_of(Index step, Index first, Index U, Trace& trace, const Random& own) const {
    Queries<S> queries{trace.queries.columns(first, U), step};
    if (trace.controls.rows() > 0) queries.controls = trace.controls.column(first);
    if (trace.random) queries.random = &own;
    return queries;
  }

  Queries<S> queries_of_sentence(const Ragged& layout, Index b, Trace& trace,
                                 const Random& own) const {
    const Index U = layout.length(b);
    View<S> A = trace.sentence_queries.resize(trace.queries.rows(), U);
    gather(layout, b, trace.queries, A);
    Queries<S> queries{A};
    if (trace.controls.rows() > 0) {
      View<S> P = trace.sentence_controls.resize(trace.controls.rows(), U);
      gather(layout, b, trace.controls, P);
      queries.controls = P.data();
    }
    if (trace.random) queries.random = &own;
    return queries;
  }

  /// What hypothesis i's query knows of the steps before.
  void read_past(Index i, Index T, const StepWeights<S>& weights, Queries<S>& queries) const {
    queries.previous = weights.previous[i];
    queries.past = accumulates() ? weights.accumulate(i, T) : weights.previous[i];
  }

  static void gather(const Ragged& layout, Index b, const Buffer<S>& from, View<S> to) {
    for (Index t = 0; t < to.cols(); ++t) to.col(t) = from.view().col(layout.column(b, t));
  }
  static void scatter(const Ragged& layout, Index b, ConstView<S> from, Buffer<S>& to) {
    for (Index t = 0; t < from.cols(); ++t) to.view().col(layout.column(b, t)) = from.col(t);
  }

  bool keeps_weights_ = false;
};

}  // namespace attend
