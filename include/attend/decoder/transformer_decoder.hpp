/// The transformer's decoder.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/ragged.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/decoder/transformer_layer.hpp>
#include <attend/decoder/transformer_state.hpp>
#include <attend/decoder/word_output.hpp>
#include <attend/layer/embedding.hpp>
#include <attend/layer/token_input.hpp>

namespace attend::inline ATTEND_ABI {

struct TransformerDecoderConfig {
  TransformerConfig transformer;
  Index vocabulary = 0;
  /// d_h, the size of the encoder's annotations.
  Index annotation = 0;
  bool tied_embeddings = false;
};

/// r = norm(layers(x)), x = dropout(sqrt(d) E y + P); the last norm only where the layers' norms
/// stand before (Vaswani et al. 2017, arXiv 1706.03762). Training passes all steps of a batch at
/// once; `step` passes one, with the keys and values of those before in a cache, through the same
/// layers and with the same bits. Satisfies Decoder.
template <Scalar T>
class TransformerDecoder {
 public:
  using Scalar = T;
  using S = T;
  using Memory = TransformerMemory<S>;
  using Trace = TransformerDecoderTrace<S>;
  using State = TransformerDecoderState<S>;

  Embedding<S> embedding;
  TokenInput<S> input;
  std::vector<TransformerDecoderLayer<S>> layers;
  std::optional<LayerNorm<S>> norm;
  WordOutput<S> output;

  TransformerDecoder() = default;
  /// Embeddings begin with deviation 1/sqrt(d), so that their inputs begin with 1. Throws
  /// std::invalid_argument for a configuration that cannot be.
  TransformerDecoder(const TransformerDecoderConfig& config, Random& random)
      : embedding({config.vocabulary, checked(config.transformer).size,
                   1 / std::sqrt(static_cast<double>(config.transformer.size))},
                  random),
        input(config.transformer.positions_config(), config.transformer.dropout, random),
        output({config.transformer.size, config.vocabulary, config.tied_embeddings}, random),
        config_(config) {
    const TransformerConfig& own = config.transformer;
    for (Index l = 0; l < own.layers; ++l) layers.emplace_back(own, config.annotation, random);
    if (own.placement == NormPlacement::before) norm.emplace(own.norm_config());
  }

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("input", m.input...);
    f("layers", m.layers...);
    f("norm", m.norm...);
    f("output", m.output...);
  }

  [[nodiscard]] const TransformerDecoderConfig& config() const { return config_; }
  [[nodiscard]] Index vocabulary_size() const { return embedding.E.cols(); }
  [[nodiscard]] static bool attends() { return true; }

  /// attend::untie; config() still says what the decoder was made from.
  void untie() { output.untie(embedding); }

  /// Makes a memory of a batch of annotations H (d_h x N, step-major): every layer's keys and
  /// values. It does not read the encoder's final states.
  void remember(const Ragged& layout, ConstView<S> H, const Matrix<S>& /*final_states*/,
                Memory& memory) const {
    memory.layout = layout;
    View<S> own = memory.annotations.resize(config_.annotation, layout.columns());
    to_sentence_major<S>(layout, H, own);
    memory.layers.resize(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
      layers[l].cross.project_memory(own, memory.layers[l]);
    }
  }

  /// The way back of remember; d_memory is used up. Overwrites dH (d_h x N, step-major) and
  /// d_final_states, with zeros.
  void remember_backward(const TransformerDecoder& transposed, const Ragged& layout,
                         const Matrix<S>& final_states, const Memory& memory, Memory& d_memory,
                         View<S> dH, Matrix<S>& d_final_states,
                         TransformerDecoder& gradient) const {
    View<S> dA = d_memory.annotations.view();
    for (std::size_t l = 0; l < layers.size(); ++l) {
      layers[l].cross.project_memory_backward(transposed.layers[l].cross, memory.annotations.view(),
                                              d_memory.layers[l].view(), dA,
                                              gradient.layers[l].cross);
    }
    to_step_major<S>(layout, dA, dH);
    d_final_states.setZero(final_states.rows(), final_states.cols());
  }

  /// Decoder::begin. Throws std::invalid_argument for a source that the memory does not have.
  void begin(const Memory& memory, std::span<const Index> sentences, State& state) const {
    state.sentences.assign(sentences.begin(), sentences.end());
    state.lengths.clear();
    for (const Index b : sentences) {
      check_argument(b >= 0 && b < memory.size(), "TransformerDecoder::begin: source ", b,
                     " is not among the ", memory.size(), " of the memory");
      state.lengths.push_back(memory.length(b));
    }
    state.alignments.resize(0, 0);
    state.trace.readouts.resize(0, 0);
    state.cache.begin(state.size(), std::ssize(layers), layers.front().self.cached_rows());
  }

  /// Decoder::step. Throws ShapeError unless there is a token for each hypothesis.
  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    const Index n = state.size();
    check_size("TransformerDecoder::step", "number of tokens", std::ssize(tokens), n);
    Trace& trace = state.trace;
    trace.layers.resize(layers.size());
    input.step(embedding, tokens, state.steps(), trace.layers.front().input.resize(size(), n),
               trace.input);
    const auto longest = std::max_element(state.lengths.begin(), state.lengths.end());
    View<S> alignments = state.alignments.resize(n > 0 ? *longest : 0, n);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const bool top = l + 1 == layers.size();
      auto& own = trace.layers[l];
      layers[l].forward(
          output_of(l, n, trace), nullptr, own,
          [&](ConstView<S> in, View<S> out) {
            layers[l].self.step(in, out, state.cache, static_cast<Index>(l), own.self);
          },
          [&](ConstView<S> in, View<S> out) {
            layers[l].cross.step(in, state.sentences, memory.layout, memory.layers[l].view(), out,
                                 own.cross, top ? &alignments : nullptr);
          });
    }
    state.cache.finish_step();
    View<S> R = trace.readouts.resize(size(), n);
    read_out(R, trace);
  }

  /// Decoder::logits.
  void logits(const State& state, View<S> L) const {
    check_shape("TransformerDecoder::logits", "L", L, vocabulary_size(), state.size());
    output.logits(embedding, state.trace.readouts.view(), L);
  }

  /// Runs over the inputs of a batch (the words of each target behind its start symbol; target b
  /// reads source b) and overwrites trace.readouts (d x N, step-major). Dropout only with a
  /// generator.
  void unroll(const Memory& memory, const TokenBatch& inputs, Random* random, State& /*state*/,
              Trace& trace) const {
    const Ragged& layout = inputs.layout;
    const Index N = layout.columns();
    check_size("TransformerDecoder::unroll", "number of targets", layout.size(), memory.size());
    trace.layers.resize(layers.size());
    input.forward(embedding, inputs, random, trace.layers.front().input.resize(size(), N),
                  trace.input);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      auto& own = trace.layers[l];
      layers[l].forward(
          output_of(l, N, trace), random, own,
          [&](ConstView<S> in, View<S> out) {
            layers[l].self.forward(layout, in, out, random, own.self);
          },
          [&](ConstView<S> in, View<S> out) {
            layers[l].cross.forward(layout, in, memory.layout, memory.layers[l].view(), out, random,
                                    own.cross);
          });
    }
    read_out(trace.top.view(), trace);
    to_step_major<S>(layout, trace.top.view(), trace.readouts.resize(size(), N));
  }

  /// The way back of unroll, last layer first. dR (d x N, step-major); adds to the memory's
  /// gradient and to `gradient`.
  void unroll_backward(const TransformerDecoder& transposed, const Memory& memory,
                       const TokenBatch& inputs, View<S> dR, State& /*state*/, Trace& trace,
                       Memory& d_memory, TransformerDecoder& gradient) const {
    const Ragged& layout = inputs.layout;
    View<S> D = trace.gradient.resize(size(), layout.columns());
    to_sentence_major<S>(layout, dR, D);
    if (norm) {
      View<S> d_top = trace.d_top.zero(size(), layout.columns());
      norm->backward(D, d_top, trace.norm, *gradient.norm);
      D = d_top;
    }
    for (std::size_t l = layers.size(); l-- > 0;) {
      layer_backward(l, transposed, memory, layout, D, trace, d_memory, gradient);
    }
    input.backward(layout, D, trace.input, gradient.input, gradient.embedding);
  }

 private:
  [[nodiscard]] Index size() const { return config_.transformer.size; }

  /// Where layer l writes: the next one's input.
  View<S> output_of(std::size_t l, Index N, Trace& trace) const {
    Buffer<S>& buffer = l + 1 == layers.size() ? trace.top : trace.layers[l + 1].input;
    return buffer.resize(size(), N);
  }

  void read_out(View<S> R, Trace& trace) const {
    if (norm) {
      norm->forward(trace.top.view(), R, trace.norm);
    } else if (R.data() != trace.top.column(0)) {
      R = trace.top.view();
    }
  }

  void layer_backward(std::size_t l, const TransformerDecoder& transposed, const Memory& memory,
                      const Ragged& layout, View<S> D, Trace& trace, Memory& d_memory,
                      TransformerDecoder& gradient) const {
    auto& own = trace.layers[l];
    const bool top = l + 1 == layers.size();
    own.take_scratch(top ? trace.layers.front() : trace.layers[l + 1]);
    layers[l].backward(
        transposed.layers[l], D, own, gradient.layers[l],
        [&](ConstView<S> in, View<S> d_out, View<S> d_in) {
          layers[l].self.backward(transposed.layers[l].self, layout, in, d_out, d_in, own.self,
                                  gradient.layers[l].self);
        },
        [&](ConstView<S> in, View<S> d_out, View<S> d_in) {
          layers[l].cross.backward(transposed.layers[l].cross, layout, in, memory.layout,
                                   memory.layers[l].view(), d_out, d_in, d_memory.layers[l].view(),
                                   own.cross, gradient.layers[l].cross);
        });
  }

  TransformerDecoderConfig config_;
};

}  // namespace attend
