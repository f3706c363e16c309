/// Self-attention: a sequence that looks at itself.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/attention/key_value_cache.hpp>
#include <attend/attention/multi_head.hpp>
#include <attend/core/ragged.hpp>
#include <attend/layer/dense.hpp>
#include <attend/layer/dropout.hpp>
#include <attend/layer/rotary.hpp>

namespace attend::inline ATTEND_ABI {

/// The attention's part of N columns, kept for the way back.
template <Scalar S>
struct MultiHeadTrace {
  Buffer<S> projected;
  Buffer<S> contexts;
  std::vector<S> normalisers;
  Buffer<S> d_projected;
  Buffer<S> d_contexts;
  AttentionWorkspace<S> workspace;
  RotaryTable<S> rotary;
  /// Of the dropout of weights; the way back drops the same.
  WeightDropout dropout;

  /// Draws a new seed; without a generator nothing is dropped.
  void draw(double p, Random* random) {
    const bool active = p > 0 && random != nullptr;
    dropout = {.p = active ? p : 0, .seed = active ? (*random)() : 0};
  }
  [[nodiscard]] WeightDropout dropout_of(Index sequence) const {
    return {dropout.p, Random(dropout.seed).fork(static_cast<std::uint64_t>(sequence))()};
  }

  /// Takes over what the way back alone needs: one scratch serves all layers in turn.
  void take_scratch(MultiHeadTrace& other) {
    std::swap(d_projected, other.d_projected);
    std::swap(d_contexts, other.d_contexts);
  }

  /// Head by head, the normalisers of columns [first, first + U).
  [[nodiscard]] std::span<S> normalisers_of(Index heads, Index first, Index U) {
    return std::span(normalisers)
        .subspan(static_cast<std::size_t>(heads * first), static_cast<std::size_t>(heads * U));
  }
};

struct SelfAttentionConfig {
  /// d, of what comes in and goes out.
  Index size = 0;
  Heads heads = {};
  /// Of the attention's weights.
  double dropout = 0;
  /// Turns queries and keys; its size is heads.key or 0.
  RotaryConfig rotary = {};
  AdjustmentConfig adjustments = {};
};

/// Y = W_o [c_1; ...; c_h] + b_o, the heads' contexts of [Q; K; V] = W X + b: one product projects
/// for all heads. Sequences lie sentence-major and see no other; with Causal no later step. Heads
/// share the vectors of relative positions.
template <Scalar S, Window W = Full>
class SelfAttention {
 public:
  using Trace = MultiHeadTrace<S>;

  /// W ((query_rows + key_rows + value_rows) x d): queries, keys, values from the top.
  Dense<S> input;
  Dense<S> output;

  SelfAttention() = default;
  SelfAttention(const SelfAttentionConfig& config, Random& random, W window = {})
      : input({config.size, checked(config.heads).query_rows() + config.heads.key_rows() +
                                config.heads.value_rows()},
              random),
        output({config.heads.context_rows(), config.size}, random),
        attention_(config.heads, std::move(window),
                   AnyAdjustment<S>(config.adjustments, config.heads.key, config.heads.heads,
                                    scaled_dot<S>(config.heads.key).scale(), random)),
        rotary_(config.rotary),
        dropout_(config.dropout) {
    check_probability(config.dropout);
    check_argument(config.rotary.size == 0 || config.rotary.size == config.heads.key,
                   "SelfAttention: rotary positions turn heads of ", config.rotary.size,
                   " features, but a head's keys have ", config.heads.key);
  }

  static void parameters(auto&& f, auto&... m) {
    f("input", m.input...);
    f("output", m.output...);
    MultiHead<S, W>::parameters(f, m.attention_...);
  }

  [[nodiscard]] const Heads& heads() const { return attention_.heads(); }
  /// Rows of keys and values together, which a cache holds.
  [[nodiscard]] Index cached_rows() const { return heads().key_rows() + heads().value_rows(); }

  /// X (d x N, sentence-major); overwrites Y (d x N). Dropout only with a generator.
  void forward(const Ragged& layout, ConstView<S> X, View<S> Y, Random* random,
               Trace& trace) const {
    const Index N = layout.columns();
    View<S> P = trace.projected.resize(input.W.rows(), N);
    input.forward(X, P);
    rotary_.forward(layout, turned(P), trace.rotary);
    trace.draw(dropout_, random);
    View<S> C = trace.contexts.resize(heads().context_rows(), N);
    trace.normalisers.resize(static_cast<std::size_t>(heads().heads * N));
    for (Index b = 0; b < layout.size(); ++b) {
      const Index start = layout.start(b);
      const Index T = layout.length(b);
      attention_.attend(parts<ConstView<S>>(P.middleCols(start, T), trace.dropout_of(b)),
                        C.middleCols(start, T), trace.workspace,
                        trace.normalisers_of(heads().heads, start, T));
    }
    output.forward(C, Y);
  }

  /// Y = W_o heads(W X + b) + b_o:  dY (d x N); adds to dX (d x N) and to `gradient`.
  void backward(const SelfAttention& transposed, const Ragged& layout, ConstView<S> X,
                ConstView<S> dY, View<S> dX, Trace& trace, SelfAttention& gradient) const {
    View<S> dC = trace.d_contexts.zero(trace.contexts.rows(), trace.contexts.cols());
    output.backward(transposed.output, trace.contexts.view(), dY, dC, gradient.output);
    View<S> dP = trace.d_projected.zero(trace.projected.rows(), trace.projected.cols());
    for (Index b = 0; b < layout.size(); ++b) {
      const Index start = layout.start(b);
      const Index T = layout.length(b);
      attention_.backward(
          parts<ConstView<S>>(trace.projected.columns(start, T), trace.dropout_of(b)),
          trace.contexts.columns(start, T), trace.normalisers_of(heads().heads, start, T),
          dC.middleCols(start, T), parts<View<S>>(dP.middleCols(start, T)), gradient.attention_,
          trace.workspace);
    }
    rotary_.backward(layout, turned(dP), trace.rotary);
    input.backward(transposed.input, X, dP, dX, gradient.input);
  }

  /// One step of n hypotheses, each behind its own steps in the cache's layer, to which it is
  /// appended. X (d x n); overwrites Y (d x n): what forward gives for that step, with Causal.
  void step(ConstView<S> X, View<S> Y, KeyValueCache<S>& cache, Index layer, Trace& trace) const {
    const Index n = X.cols();
    View<S> P = trace.projected.resize(input.W.rows(), n);
    input.forward(X, P);
    rotary_.step(cache.steps(), turned(P), trace.rotary);
    View<S> C = trace.contexts.resize(heads().context_rows(), n);
    cache.append(layer, P.bottomRows(cached_rows()));
    for (Index i = 0; i < n; ++i) {
      const ConstView<S> own = cache.appended(layer, i);
      attention_.attend({P.col(i).topRows(heads().query_rows()),
                         own.topRows(heads().key_rows()),
                         own.bottomRows(heads().value_rows()),
                         cache.steps(),
                         {}},
                        C.col(i), trace.workspace);
    }
    output.forward(C, Y);
  }

  /// The weights of sequence b in the pass that the trace keeps, before dropout: overwrites
  /// `weights` (heads T x T), head by head from the top.
  void weights(const Ragged& layout, Index b, Trace& trace, View<S> weights) const {
    const Index T = layout.length(b);
    View<S> unused = trace.d_contexts.resize(heads().context_rows(), T);
    attention_.attend(parts<ConstView<S>>(trace.projected.columns(layout.start(b), T)), unused,
                      trace.workspace, {}, &weights);
  }

 private:
  /// The rows of queries, keys and values.
  template <class V>
  QueriesKeysValues<V> parts(V P, WeightDropout dropout = {}) const {
    return {P.topRows(heads().query_rows()), P.middleRows(heads().query_rows(), heads().key_rows()),
            P.bottomRows(heads().value_rows()), 0, dropout};
  }
  /// The rows of queries and keys.
  View<S> turned(View<S> P) const { return P.topRows(heads().query_rows() + heads().key_rows()); }

  MultiHead<S, W> attention_;
  Rotary<S> rotary_;
  double dropout_ = 0;
};

}  // namespace attend
