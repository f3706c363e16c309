/// Sequence to sequence: an encoder, a decoder, and what they learn together.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include <attend/core/parameters.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/copy_loss.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/encoder/encoding.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/loss/cross_entropy.hpp>
#include <attend/model/pair_batch.hpp>
#include <attend/model/teacher_forcing.hpp>
#include <attend/model/trainable.hpp>
#include <attend/model/weight_objectives.hpp>

namespace attend::inline ATTEND_ABI {

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
/// Where annotations lie: as the encoder says, or one for each of the source's tokens.
const Ragged& layout_of(const auto& source, const auto& trace) {
  if constexpr (requires { trace.layout; }) {
    return trace.layout;
  } else {
    return source.layout;
  }
}
/// A recurrent decoder's trace or memory, null where the decoder is another.
template <template <class> class Part, class S>
auto* recurrent_of(auto& part) {
  using Kind = std::conditional_t<std::is_const_v<std::remove_reference_t<decltype(part)>>,
                                  const Part<S>, Part<S>>;
  if constexpr (requires { part.recurrent(); }) {
    return part.recurrent();
  } else if constexpr (std::same_as<std::remove_const_t<Kind>,
                                    std::remove_cvref_t<decltype(part)>>) {
    return &part;
  } else {
    return static_cast<Kind*>(nullptr);
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
  /// The weight of the coverage loss in training (See et al. 2017, eq. 13; 1 there); the decoder
  /// must keep its weights.
  double coverage_loss = 0;
  /// The weight of the doubly stochastic penalty in training (Xu et al. 2015, eq. 14); as above.
  double doubly_stochastic = 0;
  /// Whether sampled alignments learn from the log-likelihood of the words they led to
  /// (model/weight_objectives.hpp); the decoder must keep its weights.
  bool rewards = false;

  /// Whether the decoder must keep its weights (RecurrentDecoderConfig::keeps_weights).
  [[nodiscard]] bool needs_weights() const {
    return coverage_loss > 0 || doubly_stochastic > 0 || rewards;
  }
};

/// p(target | source) = prod_t p(y_t | y_<t, source). Satisfies Trainable; its encoder and decoder
/// make a memory for search. An encoder of words without an embedding reads with that of the
/// decoder, and both then have one vocabulary. What an encoder reads else (`Encoder::Source`), is
/// learned from as Captioned: images (encoder/image_encoder.hpp).
template <class Encoder, attend::Decoder D>
class Seq2Seq {
 public:
  using Scalar = typename D::Scalar;
  using S = Scalar;
  using Source = typename Encoder::Source;
  static constexpr bool reads_words = std::same_as<Source, TokenBatch>;
  using Example = std::conditional_t<reads_words, SentencePair, Captioned<Source>>;
  using Batch = std::conditional_t<reads_words, PairBatch, CaptionBatch<Source>>;

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
    /// Of each column: the source it reads, and its loss.
    std::vector<Index> sources;
    std::vector<S> losses;
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
  static Index size(const Example& pair) { return Source::steps(pair.source) + targets(pair); }
  static Index targets(const Example& pair) { return std::ssize(pair.target); }

  /// Encodes sources and makes the memory that search reads.
  void remember(const Source& source, Workspace& workspace, typename D::Memory& memory) const {
    encode(source, nullptr, workspace, memory);
  }
  /// The same for a decoder that copies: with the words of the sources (SentencePair::copies).
  void remember(const TokenBatch& source, const TokenBatch& copies, Workspace& workspace,
                typename D::Memory& memory) const {
    remember(source, workspace, memory);
    name_words(source, copies, memory);
  }

  /// The loss of a batch, without dropout and label smoothing. Nats.
  [[nodiscard]] Loss loss(const Batch& batch, Workspace& workspace) const {
    unroll(batch, nullptr, workspace);
    const auto nothing = [](Index, Index, View<S>) {};
    return output_loss(batch, S{0}, S{0}, workspace, nothing);
  }

  /// The loss with dropout, label smoothing and losses on weights; adds `scale` times its gradient
  /// to `gradient`.
  Loss loss_and_gradient(const Batch& batch, S scale, Random& random, Workspace& workspace,
                         Seq2Seq& gradient) const {
    if (workspace.transposed.empty()) workspace.transposed.push_back(*this);
    Seq2Seq& transposed = workspace.transposed.front();
    assign_transposed(*this, transposed);
    unroll(batch, &random, workspace);
    const auto epsilon = static_cast<S>(options_.label_smoothing);
    const ConstView<S> R = detail::readouts_of(workspace.decoding);
    View<S> dR = workspace.d_readouts.zero(R.rows(), R.cols());
    RecurrentDecoderTrace<S>* steps = kept_weights(workspace);
    if (steps != nullptr) {
      steps->attention.d_weights.zero(steps->attention.history.weights.rows(), R.cols());
      steps->d_generate.resize(steps->generate.rows(), R.cols());
    }
    Loss loss =
        output_loss(batch, epsilon, scale, workspace, [&](Index first, Index n, View<S> dL) {
          detail::output_of(decoder).backward(
              detail::output_of(transposed.decoder), detail::words_of(decoder),
              R.middleCols(first, n), dL, dR.middleCols(first, n),
              detail::output_of(gradient.decoder), detail::words_of(gradient.decoder));
        });
    loss.nats += weight_objectives(batch, scale, workspace);
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

  void encode(const Source& source, Random* random, Workspace& w,
              typename D::Memory& memory) const {
    const Keep keep = random == nullptr ? Keep::nothing : Keep::trace;
    if constexpr (reads_words) {
      encoder.forward(source_words(*this), source, random, w.encoding, keep);
    } else {
      encoder.forward(source, random, w.encoding, keep);
    }
    const Encoding<S>& encoding = detail::encoding_of(w.encoding);
    decoder.remember(detail::layout_of(source, w.encoding), encoding.annotations.view(),
                     encoding.final_states, memory);
  }

  void unroll(const Batch& batch, Random* random, Workspace& w) const {
    check_size("Seq2Seq", "number of targets", batch.target.layout.size(), batch.source.size());
    encode(batch.source, random, w, w.memory);
    if constexpr (reads_words) name_words(batch.source, batch.copies, w.memory);
    shift_behind_start(batch.target, options_.start, w.inputs);
    decoder.unroll(w.memory, w.inputs, random, w.state, w.decoding);
  }

  /// Tells a decoder that copies what the sources say.
  static void name_words(const TokenBatch& source, const TokenBatch& copies,
                         typename D::Memory& memory) {
    auto* recurrent = detail::recurrent_of<RecurrentMemory, S>(memory);
    if (recurrent != nullptr && source.layout.columns() == 0) recurrent->words.assign(source);
    if (copies.layout.size() == 0) return;
    check_size("Seq2Seq", "number of copied words", copies.layout.columns(),
               source.layout.columns());
    check_argument(recurrent != nullptr, "Seq2Seq: only a recurrent decoder copies words");
    recurrent->words.assign(copies);
  }

  /// The steps of a recurrent decoder that keeps its weights, else null.
  static RecurrentDecoderTrace<S>* kept_weights(Workspace& w) {
    auto* steps = detail::recurrent_of<RecurrentDecoderTrace, S>(w.decoding);
    const bool kept = steps != nullptr && steps->attention.keeps_weights;
    return kept ? steps : nullptr;
  }

  template <class Backward>
  Loss output_loss(const Batch& batch, S epsilon, S scale, Workspace& w,
                   Backward&& backward) const {
    const auto& output = detail::output_of(decoder);
    const PanelMatrix<S>& weights = output.weights(detail::words_of(decoder), w.output_weights);
    const Index V = decoder.vocabulary_size();
    RecurrentDecoderTrace<S>* steps = kept_weights(w);
    const bool copies = steps != nullptr && steps->generate.rows() > 0;
    if (copies) {
      check_copying(epsilon, w);
      sources_of_columns(batch.target.layout, w.sources);
    }
    w.losses.resize(batch.target.tokens.size());
    return tiled_loss<S>(
        V, detail::readouts_of(w.decoding), scale, w.logits,
        [&](ConstView<S> R, View<S> L) { output.logits(weights, R, L); },
        [&](Index column, S* l) {
          const auto at = static_cast<std::size_t>(column);
          const Token target = batch.target.tokens[at];
          w.losses[at] =
              copies ? copy_loss<S>(*detail::recurrent_of<RecurrentMemory, S>(w.memory),
                                    {column, w.sources[at], {l, static_cast<std::size_t>(V)}},
                                    target, scale, *steps)
                     : cross_entropy_in_place<S>(V, l, target, epsilon, scale);
          return w.losses[at];
        },
        backward);
  }

  static void check_copying(S epsilon, Workspace& w) {
    check_argument(!detail::recurrent_of<RecurrentMemory, S>(w.memory)->words.empty(),
                   "Seq2Seq: the decoder copies words, and the pairs say none; fill "
                   "SentencePair::copies");
    check_argument(epsilon == S{0},
                   "Seq2Seq: label smoothing spreads over a vocabulary, and a decoder that copies "
                   "has one for each source; set label_smoothing to 0");
  }

  static void sources_of_columns(const Ragged& layout, std::vector<Index>& sources) {
    sources.clear();
    for (Index t = 0; t < layout.steps(); ++t) {
      for (Index r = 0; r < layout.count(t); ++r) sources.push_back(layout.sequence(r));
    }
  }

  /// What the options ask of weights, in nats; adds to their gradient.
  double weight_objectives(const Batch& batch, S scale, Workspace& w) const {
    const WeightLossFactors factors{.coverage = options_.coverage_loss,
                                    .doubly_stochastic = options_.doubly_stochastic};
    if (!factors.any() && !options_.rewards) return 0;
    RecurrentDecoderTrace<S>* steps = kept_weights(w);
    check_argument(steps != nullptr,
                   "Seq2Seq: losses on weights and rewards need a recurrent decoder with "
                   "keeps_weights");
    const Ragged& layout = batch.target.layout;
    if (options_.rewards) reward_objective<S>(layout, w.losses, scale, steps->attention);
    if (!factors.any()) return 0;
    return weight_losses<S>(layout, detail::recurrent_of<RecurrentMemory, S>(w.memory)->attention,
                            factors, scale, steps->attention);
  }

  void unroll_backward(const Seq2Seq& transposed, const Batch& batch, View<S> dR, Workspace& w,
                       Seq2Seq& gradient) const {
    w.d_memory.zero_like(w.memory);
    decoder.unroll_backward(transposed.decoder, w.memory, w.inputs, dR, w.state, w.decoding,
                            w.d_memory, gradient.decoder);
    const Ragged& layout = detail::layout_of(batch.source, w.encoding);
    const Encoding<S>& encoding = detail::encoding_of(w.encoding);
    View<S> dH = w.d_annotations.resize(encoding.annotations.rows(), layout.columns());
    decoder.remember_backward(transposed.decoder, layout, encoding.final_states, w.memory,
                              w.d_memory, dH, w.d_final_states, gradient.decoder);
    if constexpr (reads_words) {
      encoder.backward(transposed.encoder, batch.source, dH, w.d_final_states, w.encoding,
                       gradient.encoder, source_words(gradient));
    } else {
      encoder.backward(transposed.encoder, batch.source, dH, w.d_final_states, w.encoding,
                       gradient.encoder);
    }
  }

  Seq2SeqOptions options_;
};

}  // namespace attend
