/// The recurrent decoder: words in, words out.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include <attend/decoder/decoder.hpp>
#include <attend/decoder/recurrent_steps.hpp>
#include <attend/decoder/word_output.hpp>
#include <attend/layer/embedding.hpp>

namespace attend::inline ATTEND_ABI {

/// A decoder whose one step training, search and streaming share: embed a token, pass the steps
/// (recurrent_steps.hpp), score the words. Its named forms with their equations: bahdanau.hpp,
/// luong.hpp, conditional.hpp, plain.hpp. Satisfies Decoder.
template <Cell C, Score Z, Window W = Full, class F = Softmax>
class RecurrentDecoder : public RecurrentSteps<C, Z, W, F> {
 public:
  using Steps = RecurrentSteps<C, Z, W, F>;
  using Scalar = typename C::Scalar;
  using S = Scalar;
  using Memory = RecurrentMemory<S>;
  using Trace = RecurrentDecoderTrace<S>;
  using State = RecurrentDecoderState<S>;

  Embedding<S> embedding;
  WordOutput<S> output;

  RecurrentDecoder() = default;

  /// As the steps are made. Throws std::invalid_argument for a configuration that cannot be.
  template <class MakeCell>
  RecurrentDecoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell,
                   Attention<Z, W, F> asks, Random& random) {
    detail::checked(config);
    check_argument(config.vocabulary >= 1, "RecurrentDecoder: vocabulary is ", config.vocabulary,
                   ", expected 1 or more");
    const double shrink =
        config.tied_embeddings ? std::sqrt(static_cast<double>(config.embedding)) : 1;
    embedding = Embedding<S>(
        {config.vocabulary, config.embedding, config.embedding_deviation / shrink}, random);
    static_cast<Steps&>(*this) = Steps(config, make_cell, std::move(asks), random);
    output = WordOutput<S>({config.readout, config.vocabulary, config.tied_embeddings}, random);
  }

  template <class MakeCell>
  RecurrentDecoder(const RecurrentDecoderConfig& config, MakeCell&& make_cell, Z score,
                   Random& random) requires std::same_as<F, Softmax>
      : RecurrentDecoder(config, make_cell, Attention<Z, W, F>(std::move(score)), random) {}

  static void parameters(auto&& f, auto&... m) {
    f("embedding", m.embedding...);
    f("bridge", m.bridge...);
    f("cells", m.cells...);
    f("attention", m.attention...);
    f("readout", m.readout...);
    f("output", m.output...);
    f("gate", m.gate...);
  }

  /// attend::untie; config() still says what the decoder was made from.
  void untie() { output.untie(embedding); }

  [[nodiscard]] Index vocabulary_size() const { return embedding.E.cols(); }
  /// With the words that the sources of a memory have for themselves.
  [[nodiscard]] Index vocabulary_size(const Memory& memory) const {
    return this->gate ? std::max(vocabulary_size(), memory.words.end()) : vocabulary_size();
  }

  /// Decoder::step. Throws ShapeError unless there is a token for each hypothesis.
  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    check_size("RecurrentDecoder::step", "number of tokens", static_cast<Index>(tokens.size()),
               state.size());
    embed(tokens, state.trace);
    Steps::step(memory, state);
    if (!this->gate) return;
    check_argument(!memory.words.empty(),
                   "RecurrentDecoder::step: it copies, and the memory has no "
                   "words; assign memory.words behind remember");
    state.words = &memory.words;
  }

  /// Decoder::logits. Where it copies they are log-probabilities.
  void logits(const State& state, View<S> L) const {
    const Index V = vocabulary_size();
    check_shape("RecurrentDecoder::logits", "L", L,
                this->gate ? std::max(V, state.words->end()) : V, state.size());
    output.logits(embedding, state.trace.readouts.view(), L.topRows(V));
    if (!this->gate) return;
    for (Index i = 0; i < L.cols(); ++i) {
      mix_log_probabilities<S>({L.col(i).data(), static_cast<std::size_t>(L.rows())}, V,
                               *state.trace.generate.column(i), state.weights(i),
                               (*state.words)[state.sentence(i)]);
    }
  }

  /// RecurrentSteps::unroll over the words of each target behind its start symbol.
  void unroll(const Memory& memory, const TokenBatch& inputs, Random* random, State& state,
              Trace& trace) const {
    embed(inputs.tokens, trace);
    Steps::unroll(memory, inputs.layout, random, state, trace);
  }

  void unroll_backward(const RecurrentDecoder& transposed, const Memory& memory,
                       const TokenBatch& inputs, View<S> dR, State& state, Trace& trace,
                       Memory& d_memory, RecurrentDecoder& gradient) const {
    Steps::unroll_backward(transposed, memory, inputs.layout, dR, state, trace, d_memory, gradient);
    Embedding<S>::backward(this->gate ? trace.known : inputs.tokens, trace.d_embedded.view(),
                           gradient.embedding);
  }

 private:
  void embed(std::span<const Token> tokens, Trace& trace) const {
    View<S> X = this->inputs(static_cast<Index>(tokens.size()), trace);
    if (!this->gate) {
      embedding.forward(tokens, X);
      return;
    }
    trace.known.clear();
    for (const Token token : tokens) {
      trace.known.push_back(token < vocabulary_size() ? token : this->config().unknown);
    }
    embedding.forward(trace.known, X);
  }
};

}  // namespace attend
