/// Sequence to sequence: an encoder, a decoder, and what they learn together.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/loss/cross_entropy.hpp>
#include <attend/model/teacher_forcing.hpp>
#include <attend/model/trainable.hpp>

namespace attend::inline ATTEND_ABI {

/// A source and its target, without start symbols; both end with the end symbol if the caller's
/// vocabulary has one.
struct SentencePair {
  std::vector<Token> source;
  std::vector<Token> target;
};

/// Pairs as ragged batches, sources and targets each ranked by their own lengths.
class PairBatch {
 public:
  TokenBatch source;
  TokenBatch target;

  /// Reuses its memory.
  void assign(std::span<const SentencePair* const> pairs) {
    sources_.clear();
    targets_.clear();
    for (const SentencePair* pair : pairs) {
      sources_.emplace_back(pair->source);
      targets_.emplace_back(pair->target);
    }
    source.assign(sources_);
    target.assign(targets_);
  }

 private:
  std::vector<std::span<const Token>> sources_;
  std::vector<std::span<const Token>> targets_;
};

namespace detail {

/// Parts of encoders and decoders, which those that are chosen at run time give by functions.
auto& words_of(auto& part) {
  if constexpr (requires { part.words(); }) {
    return part.words();
  } else {
    return part.embedding;
  }
}
auto& output_of(auto& decoder) {
  if constexpr (requires { decoder.word_output(); }) {
    return decoder.word_output();
  } else {
    return decoder.output;
  }
}
const auto& encoding_of(const auto& trace) {
  if constexpr (requires { trace.encoding(); }) {
    return trace.encoding();
  } else {
    return trace;
  }
}
auto readouts_of(const auto& trace) {
  if constexpr (requires { trace.readouts(); }) {
    return trace.readouts();
  } else {
    return trace.readouts.view();
  }
}

}  // namespace detail

struct Seq2SeqOptions {
  Token start = 1;
  Token end = 2;
  double label_smoothing = 0;
};

/// p(target | source) = prod_t p(y_t | y_<t, source). Satisfies Trainable; its encoder and decoder
/// make a memory for search. An encoder without an embedding reads with that of the decoder, and
/// both then have one vocabulary.
template <class Encoder, attend::Decoder D>
class Seq2Seq {
 public:
  using Scalar = typename D::Scalar;
  using S = Scalar;
  using Example = SentencePair;

  using Batch = PairBatch;

  Encoder encoder;
  D decoder;

  /// One thread's memory.
  struct Workspace {
    TokenBatch inputs;
    typename Encoder::Trace encoding;
    typename D::Memory memory;
    typename D::Memory d_memory;
    typename D::State state;
    typename D::Trace decoding;
    Buffer<S> d_annotations;
    Matrix<S> d_final_states;
    Buffer<S> d_readouts;
    Buffer<S> logits;
    PanelMatrix<S> output_weights;
    std::vector<Seq2Seq> transposed;
  };

  Seq2Seq() = default;
  Seq2Seq(Encoder e, D d, Seq2SeqOptions options = {})
      : encoder(std::move(e)), decoder(std::move(d)), options_(options) {}

  static void parameters(auto&& f, auto&... m) {
    f("encoder", m.encoder...);
    f("decoder", m.decoder...);
  }

  [[nodiscard]] const Seq2SeqOptions& options() const { return options_; }

  /// Tokens of an example: what fills a batch, and what its loss is over.
  static Index size(const SentencePair& pair) {
    return static_cast<Index>(pair.source.size() + pair.target.size());
  }
  static Index targets(const SentencePair& pair) { return static_cast<Index>(pair.target.size()); }

  /// Encodes sources and makes the memory that search reads.
  void remember(const TokenBatch& source, Workspace& workspace, typename D::Memory& memory) const {
    encode(source, nullptr, workspace, memory);
  }

  /// The loss of a batch, without dropout and label smoothing. Nats.
  [[nodiscard]] Loss loss(const Batch& batch, Workspace& workspace) const {
    unroll(batch, nullptr, workspace);
    const auto nothing = [](Index, Index, View<S>) {};
    return output_loss(batch, S{0}, S{0}, workspace, nothing);
  }

  /// The loss with dropout and label smoothing; adds `scale` times its gradient to `gradient`.
  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& workspace,
                         Seq2Seq& gradient) const {
    if (workspace.transposed.empty()) workspace.transposed.push_back(*this);
    Seq2Seq& transposed = workspace.transposed.front();
    assign_transposed(*this, transposed);
    unroll(batch, &random, workspace);
    const auto epsilon = static_cast<S>(options_.label_smoothing);
    const ConstView<S> R = detail::readouts_of(workspace.decoding);
    View<S> dR = workspace.d_readouts.zero(R.rows(), R.cols());
    const Loss loss =
        output_loss(batch, epsilon, scale, workspace, [&](Index first, Index n, View<S> dL) {
          detail::output_of(decoder).backward(
              detail::output_of(transposed.decoder), detail::words_of(decoder),
              R.middleCols(first, n), dL, dR.middleCols(first, n),
              detail::output_of(gradient.decoder), detail::words_of(gradient.decoder));
        });
    unroll_backward(transposed, batch, dR, workspace, gradient);
    return loss;
  }

 private:
  /// The embedding of the source's words.
  template <class M>
  static auto& source_words(M& model) {
    auto& own = detail::words_of(model.encoder);
    return own ? *own : detail::words_of(model.decoder);
  }

  void encode(const TokenBatch& source, Random* random, Workspace& w,
              typename D::Memory& memory) const {
    const Keep keep = random == nullptr ? Keep::nothing : Keep::trace;
    encoder.forward(source_words(*this), source, random, w.encoding, keep);
    const Encoding<S>& encoding = detail::encoding_of(w.encoding);
    decoder.remember(source.layout, encoding.annotations.view(), encoding.final_states, memory);
  }

  void unroll(const Batch& batch, Random* random, Workspace& w) const {
    check_size("Seq2Seq", "number of targets", batch.target.layout.size(),
               batch.source.layout.size());
    encode(batch.source, random, w, w.memory);
    shift_behind_start(batch.target, options_.start, w.inputs);
    decoder.unroll(w.memory, w.inputs, random, w.state, w.decoding);
  }

  template <class Backward>
  Loss output_loss(const Batch& batch, S epsilon, S scale, Workspace& w,
                   Backward&& backward) const {
    const auto& output = detail::output_of(decoder);
    const PanelMatrix<S>& weights = output.weights(detail::words_of(decoder), w.output_weights);
    return tiled_cross_entropy<S>(
        decoder.vocabulary_size(), detail::readouts_of(w.decoding), batch.target.tokens, epsilon,
        scale, w.logits, [&](ConstView<S> R, View<S> L) { output.logits(weights, R, L); },
        backward);
  }

  void unroll_backward(const Seq2Seq& transposed, const Batch& batch, View<S> dR, Workspace& w,
                       Seq2Seq& gradient) const {
    w.d_memory.zero_like(w.memory);
    decoder.unroll_backward(transposed.decoder, w.memory, w.inputs, dR, w.state, w.decoding,
                            w.d_memory, gradient.decoder);
    const Ragged& layout = batch.source.layout;
    const Encoding<S>& encoding = detail::encoding_of(w.encoding);
    View<S> dH = w.d_annotations.resize(encoding.annotations.rows(), layout.columns());
    decoder.remember_backward(transposed.decoder, layout, encoding.final_states, w.memory,
                              w.d_memory, dH, w.d_final_states, gradient.decoder);
    encoder.backward(transposed.encoder, batch.source, dH, w.d_final_states, w.encoding,
                     gradient.encoder, source_words(gradient));
  }

  Seq2SeqOptions options_;
};

}  // namespace attend
