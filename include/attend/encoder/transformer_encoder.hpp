/// The transformer's encoder.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <attend/attention/self_attention.hpp>
#include <attend/core/ragged.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/encoder/mean_states.hpp>
#include <attend/encoder/transformer_config.hpp>
#include <attend/layer/embedding.hpp>
#include <attend/layer/token_input.hpp>

namespace attend::inline ATTEND_ABI {

/// A layer: self-attention, then a feed-forward network, each inside a residual connection
/// (Vaswani et al. 2017, arXiv 1706.03762, section 3.1).
template <Scalar S>
class TransformerEncoderLayer {
 public:
  struct Trace {
    Buffer<S> input;
    Buffer<S> middle;
    MultiHeadTrace<S> attention;
    FeedForwardTrace<S> feed_forward;
    ResidualTrace<S> around_attention;
    ResidualTrace<S> around_feed_forward;

    /// From the layer whose way back came before.
    void take_scratch(Trace& other) {
      around_feed_forward.take_scratch(other.around_attention);
      feed_forward.take_scratch(other.feed_forward);
      attention.take_scratch(other.attention);
    }
  };

  SelfAttention<S, AnyWindow> attention;
  Residual<S> around_attention;
  FeedForward<S> feed_forward;
  Residual<S> around_feed_forward;

  TransformerEncoderLayer() = default;
  TransformerEncoderLayer(const TransformerConfig& config, Random& random)
      : attention(config.self_config(), random, config.encoder_window()),
        around_attention(config.residual_config()),
        feed_forward(config.feed_forward_config(), random),
        around_feed_forward(config.residual_config()) {}

  static void parameters(auto&& f, auto&... m) {
    f("attention", m.attention...);
    f("attention", m.around_attention...);
    f("feed_forward", m.feed_forward...);
    f("feed_forward", m.around_feed_forward...);
  }

  /// Reads trace.input (d x N, sentence-major); overwrites Y (d x N).
  void forward(const Ragged& layout, View<S> Y, Random* random, Trace& trace) const {
    const ConstView<S> X = trace.input.view();
    View<S> M = trace.middle.resize(X.rows(), X.cols());
    around_attention.forward(X, M, random, trace.around_attention,
                             [&](ConstView<S> in, View<S> out) {
                               attention.forward(layout, in, out, random, trace.attention);
                             });
    around_feed_forward.forward(
        M, Y, random, trace.around_feed_forward,
        [&](ConstView<S> in, View<S> out) { feed_forward.forward(in, out, trace.feed_forward); });
  }

  /// The way back of both sub-layers, last first: D holds dY and becomes dX (d x N).
  void backward(const TransformerEncoderLayer& transposed, const Ragged& layout, View<S> D,
                Trace& trace, TransformerEncoderLayer& gradient) const {
    around_feed_forward.backward(trace.middle.view(), D, trace.around_feed_forward,
                                 gradient.around_feed_forward,
                                 [&](ConstView<S> in, View<S> d_out, View<S> d_in) {
                                   feed_forward.backward(transposed.feed_forward, in, d_out, d_in,
                                                         trace.feed_forward, gradient.feed_forward);
                                 });
    trace.around_attention.take_scratch(trace.around_feed_forward);
    around_attention.backward(trace.input.view(), D, trace.around_attention,
                              gradient.around_attention,
                              [&](ConstView<S> in, View<S> d_out, View<S> d_in) {
                                attention.backward(transposed.attention, layout, in, d_out, d_in,
                                                   trace.attention, gradient.attention);
                              });
  }
};

/// H = norm(layers(x)), x = dropout(sqrt(d) E y + P); the last norm only where the layers' norms
/// stand before (Vaswani et al. 2017, arXiv 1706.03762). Every product takes the columns of all
/// sentences of a batch at once. A final state, for decoders that begin with one, is the mean of a
/// sentence's annotations.
template <Scalar T>
class TransformerEncoder {
 public:
  using Scalar = T;
  using S = T;
  using Source = TokenBatch;

  struct Trace : Encoding<S> {
    TokenInputTrace<S> input;
    std::vector<typename TransformerEncoderLayer<S>::Trace> layers;
    Buffer<S> top;
    LayerNormTrace<S> norm;
    Buffer<S> gradient;
    Buffer<S> d_top;
    Buffer<S> shares;
  };

  /// None where the caller's is shared.
  std::optional<Embedding<S>> embedding;
  TokenInput<S> input;
  std::vector<TransformerEncoderLayer<S>> layers;
  std::optional<LayerNorm<S>> norm;

  TransformerEncoder() = default;
  /// Without words of its own where `words` is empty.
  TransformerEncoder(const TransformerConfig& config, std::optional<Embedding<S>> words,
                     Random& random)
      : embedding(std::move(words)),
        input(checked(config).positions_config(), config.dropout, random),
        size_(config.size) {
    if (embedding) {
      check_size("TransformerEncoder", "size of embeddings", embedding->E.rows(), config.size);
    }
    for (Index l = 0; l < config.layers; ++l) layers.emplace_back(config, random);
    if (config.placement == NormPlacement::before) norm.emplace(config.norm_config());
  }

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("input", m.input...);
    f("layers", m.layers...);
    f("norm", m.norm...);
  }

  [[nodiscard]] Index annotation_size() const { return size_; }
  [[nodiscard]] Index state_rows() const { return size_; }

  /// Overwrites trace.annotations (d x N, step-major) and trace.final_states (d x B). Dropout only
  /// with a generator. Throws std::invalid_argument for tokens outside the vocabulary.
  void forward(const Embedding<S>& words, const TokenBatch& source, Random* random, Trace& trace,
               Keep /*keep*/ = Keep::trace) const {
    const Ragged& layout = source.layout;
    const Index N = layout.columns();
    trace.layers.resize(layers.size());
    input.forward(words, source, random, trace.layers.front().input.resize(size_, N), trace.input);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const bool top = l + 1 == layers.size();
      Buffer<S>& output = top ? trace.top : trace.layers[l + 1].input;
      layers[l].forward(layout, output.resize(size_, N), random, trace.layers[l]);
    }
    if (norm) norm->forward(trace.top.view(), trace.top.view(), trace.norm);
    to_step_major<S>(layout, trace.top.view(), trace.annotations.resize(size_, N));
    mean_states<S>(layout, trace.top.view(), trace.final_states);
  }
  void forward(const TokenBatch& source, Random* random, Trace& trace) const {
    forward(own_words(*this), source, random, trace);
  }

  /// dH (d x N, step-major), d_final_states (d x B); adds to `gradient` and to that of the words.
  void backward(const TransformerEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, TransformerEncoder& gradient,
                Embedding<S>& words_gradient) const {
    const Ragged& layout = source.layout;
    View<S> D = trace.gradient.resize(size_, layout.columns());
    to_sentence_major<S>(layout, dH, D);
    mean_states_backward(layout, d_final_states, trace.shares, D);
    if (norm) {
      View<S> d_top = trace.d_top.zero(size_, layout.columns());
      norm->backward(D, d_top, trace.norm, *gradient.norm);
      D = d_top;
    }
    for (std::size_t l = layers.size(); l-- > 0;) {
      const bool top = l + 1 == layers.size();
      trace.layers[l].take_scratch(top ? trace.layers.front() : trace.layers[l + 1]);
      layers[l].backward(transposed.layers[l], layout, D, trace.layers[l], gradient.layers[l]);
    }
    input.backward(layout, D, trace.input, gradient.input, words_gradient);
  }
  void backward(const TransformerEncoder& transposed, const TokenBatch& source, View<S> dH,
                const Matrix<S>& d_final_states, Trace& trace, TransformerEncoder& gradient) const {
    backward(transposed, source, dH, d_final_states, trace, gradient, own_words(gradient));
  }

 private:
  template <class E>
  static auto& own_words(E& encoder) {
    check_argument(encoder.embedding.has_value(),
                   "TransformerEncoder: it has no embedding of its own; pass the one it shares");
    return *encoder.embedding;
  }

  Index size_ = 0;
};

}  // namespace attend
