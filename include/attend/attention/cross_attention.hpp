/// Cross-attention: one sequence that looks at another.
#pragma once

#include <span>
#include <vector>

#include <attend/attention/multi_head.hpp>
#include <attend/attention/self_attention.hpp>
#include <attend/core/ragged.hpp>
#include <attend/layer/dense.hpp>

namespace attend::inline ATTEND_ABI {

struct CrossAttentionConfig {
  /// d, of queries and of what goes out; d_h, of the memory.
  Index size = 0;
  Index memory = 0;
  Heads heads = {};
  /// Of the attention's weights.
  double dropout = 0;
};

/// Y = W_o [c_1; ...; c_h] + b_o, the heads' contexts of Q = W_q X + b_q over [K; V] = W_m H + b_m.
/// The memory is projected once for all steps and hypotheses (`project_memory`).
template <Scalar S>
class CrossAttention {
 public:
  using Trace = MultiHeadTrace<S>;

  Dense<S> query;
  /// W ((key_rows + value_rows) x d_h): keys, values from the top.
  Dense<S> memory;
  Dense<S> output;

  CrossAttention() = default;
  CrossAttention(const CrossAttentionConfig& config, Random& random)
      : query({config.size, checked(config.heads).query_rows()}, random),
        memory({config.memory, config.heads.key_rows() + config.heads.value_rows()}, random),
        output({config.heads.context_rows(), config.size}, random),
        attention_(config.heads),
        dropout_(config.dropout) {
    check_probability(config.dropout);
  }

  static void parameters(auto&& f, auto&... m) {
    f("query", m.query...);
    f("memory", m.memory...);
    f("output", m.output...);
  }

  [[nodiscard]] const Heads& heads() const { return attention_.heads(); }

  /// H (d_h x N_H); overwrites M (key_rows + value_rows x N_H).
  void project_memory(ConstView<S> H, Buffer<S>& M) const {
    memory.forward(H, M.resize(memory.W.rows(), H.cols()));
  }
  /// M = W_m H + b_m:  adds to dH and to `gradient`.
  void project_memory_backward(const CrossAttention& transposed, ConstView<S> H, ConstView<S> dM,
                               View<S> dH, CrossAttention& gradient) const {
    memory.backward(transposed.memory, H, dM, dH, gradient.memory);
  }

  /// X (d x N, sentence-major in `layout`); sequence b reads the columns of M that `sources` gives
  /// to its source b. Overwrites Y (d x N). Dropout only with a generator.
  void forward(const Ragged& layout, ConstView<S> X, const Ragged& sources, ConstView<S> M,
               View<S> Y, Random* random, Trace& trace) const {
    const Index N = layout.columns();
    View<S> Q = trace.projected.resize(query.W.rows(), N);
    query.forward(X, Q);
    View<S> C = trace.contexts.resize(heads().context_rows(), N);
    trace.normalisers.resize(static_cast<std::size_t>(heads().heads * N));
    trace.draw(dropout_, random);
    for (Index b = 0; b < layout.size(); ++b) {
      const Index start = layout.start(b);
      const Index U = layout.length(b);
      attention_.attend(inputs(Q.middleCols(start, U), sources, M, b, trace.dropout_of(b)),
                        C.middleCols(start, U), trace.workspace,
                        trace.normalisers_of(heads().heads, start, U));
    }
    output.forward(C, Y);
  }

  /// Y = W_o heads(W_q X + b_q, M) + b_o:  dY (d x N); adds to dX, dM and to `gradient`.
  void backward(const CrossAttention& transposed, const Ragged& layout, ConstView<S> X,
                const Ragged& sources, ConstView<S> M, ConstView<S> dY, View<S> dX, View<S> dM,
                Trace& trace, CrossAttention& gradient) const {
    View<S> dC = trace.d_contexts.zero(trace.contexts.rows(), trace.contexts.cols());
    output.backward(transposed.output, trace.contexts.view(), dY, dC, gradient.output);
    View<S> dQ = trace.d_projected.zero(trace.projected.rows(), trace.projected.cols());
    for (Index b = 0; b < layout.size(); ++b) {
      const Index start = layout.start(b);
      const Index U = layout.length(b);
      View<S> d_source = dM.middleCols(sources.start(b), sources.length(b));
      attention_.backward(
          inputs(trace.projected.columns(start, U), sources, M, b, trace.dropout_of(b)),
          trace.contexts.columns(start, U), trace.normalisers_of(heads().heads, start, U),
          dC.middleCols(start, U),
          {dQ.middleCols(start, U),
           d_source.topRows(heads().key_rows()),
           d_source.bottomRows(heads().value_rows()),
           0,
           {}},
          gradient.attention_, trace.workspace);
    }
    query.backward(transposed.query, X, dQ, dX, gradient.query);
  }

  /// One step of n hypotheses, of which i reads source `sentences[i]`; neighbours that read the
  /// same one, a beam, share one pass over it. X (d x n); overwrites Y (d x n). `weights`, if
  /// given, gets in column i the mean over the heads of hypothesis i's weights.
  void step(ConstView<S> X, std::span<const Index> sentences, const Ragged& sources, ConstView<S> M,
            View<S> Y, Trace& trace, View<S>* weights = nullptr) const {
    const Index n = X.cols();
    View<S> Q = trace.projected.resize(query.W.rows(), n);
    query.forward(X, Q);
    View<S> C = trace.contexts.resize(heads().context_rows(), n);
    for (Index i = 0, end = 0; i < n; i = end) {
      const Index b = sentences[static_cast<std::size_t>(i)];
      for (end = i + 1; end < n && sentences[static_cast<std::size_t>(end)] == b;) ++end;
      const auto in = inputs(Q.middleCols(i, end - i), sources, M, b);
      View<S> contexts = C.middleCols(i, end - i);
      if (weights == nullptr) {
        attention_.attend(in, contexts, trace.workspace);
      } else {
        attend_with_weights(in, contexts, weights->middleCols(i, end - i), trace);
      }
    }
    output.forward(C, Y);
  }

  /// The weights of sequence b in the pass that the trace keeps, before dropout: overwrites
  /// `weights` (heads T x U), head by head from the top.
  void weights(const Ragged& layout, Index b, const Ragged& sources, ConstView<S> M, Trace& trace,
               View<S> weights) const {
    const Index U = layout.length(b);
    View<S> unused = trace.d_contexts.resize(heads().context_rows(), U);
    attention_.attend(inputs(trace.projected.columns(layout.start(b), U), sources, M, b), unused,
                      trace.workspace, {}, &weights);
  }

 private:
  using Inputs = typename MultiHead<S>::Inputs;

  Inputs inputs(ConstView<S> Q, const Ragged& sources, ConstView<S> M, Index b,
                WeightDropout dropout = {}) const {
    const auto own = M.middleCols(sources.start(b), sources.length(b));
    return {Q, own.topRows(heads().key_rows()), own.bottomRows(heads().value_rows()), 0, dropout};
  }

  void attend_with_weights(const Inputs& in, View<S> C, View<S> weights, Trace& trace) const {
    const Index T = in.keys.cols();
    View<S> all = trace.d_contexts.resize(heads().heads * T, C.cols());
    attention_.attend(in, C, trace.workspace, {}, &all);
    View<S> mean = weights.topRows(T);
    mean = all.topRows(T);
    for (Index h = 1; h < heads().heads; ++h) mean += all.middleRows(h * T, T);
    mean /= static_cast<S>(heads().heads);
  }

  MultiHead<S> attention_;
  double dropout_ = 0;
};

}  // namespace attend
