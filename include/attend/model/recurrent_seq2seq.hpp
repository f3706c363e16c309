/// A recurrent translator whose parts are chosen when the program runs.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <attend/attention/any_attention.hpp>
#include <attend/cell/any_cell.hpp>
#include <attend/decoder/any_recurrent_decoder.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/stacked.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/seq2seq.hpp>

namespace attend::inline ATTEND_ABI {

enum class CellKind { gru, lstm, rnn };

/// Sizes and choices of a RecurrentSeq2Seq. Some scores (dot, scaled_dot, cosine) compare states
/// with annotations as they are, so the two directions of the encoder are then summed.
struct RecurrentSeq2SeqConfig {
  Index source_vocabulary = 0;
  Index target_vocabulary = 0;
  Index embedding = 256;
  Index hidden = 256;
  Index layers = 1;
  CellKind cell = CellKind::gru;
  AttentionChoice attention = {};
  DecoderOrder order = DecoderOrder::attend_then_step;
  bool input_feeding = false;
  bool tied_embeddings = false;
  /// Words of the source may be copied (SentencePair::copies); what the decoder does not know of
  /// them it reads as `unknown`.
  bool copies = false;
  Token unknown = 0;
  ReadoutActivation activation = ReadoutActivation::tanh;
  InitialState initial = InitialState::tanh;
  /// Of the normal numbers that embeddings begin with; with few sentences to learn from, less is
  /// better.
  double embedding_deviation = 1;
  double embedding_dropout = 0;
  double annotation_dropout = 0;
  double layer_dropout = 0;
  double readout_dropout = 0;
  Seq2SeqOptions options = {};
};

/// Bidirectional encoder, recurrent decoder; cells and attention behind a branch.
template <Scalar S>
using RecurrentSeq2Seq = Seq2Seq<TextEncoder<Bidirectional<AnyCell<S>>>, AnyRecurrentDecoder<S>>;

template <Scalar S>
[[nodiscard]] AnyCell<S> make_cell(CellKind kind, CellConfig config, Random& random) {
  switch (kind) {
    case CellKind::lstm:
      return Lstm<S>({.input = config.input, .hidden = config.hidden}, random);
    case CellKind::rnn:
      return Elman<S>({.input = config.input, .hidden = config.hidden}, random);
    default:
      return Gru<S>({.input = config.input, .hidden = config.hidden}, random);
  }
}

/// What a decoder needs to know of its encoder: the size of annotations, the rows of final states.
struct EncoderSizes {
  Index annotation = 0;
  Index states = 0;
};

/// Whether the score compares states with annotations as they are.
[[nodiscard]] inline bool compares_states(const RecurrentSeq2SeqConfig& config) {
  return compares_as_they_are(config.attention.score);
}

/// Throws std::invalid_argument for sizes below 1.
inline void check_sizes(const RecurrentSeq2SeqConfig& config) {
  check_argument(config.layers >= 1 && config.hidden >= 1 && config.embedding >= 1,
                 "make_recurrent_seq2seq: layers, hidden and embedding are ", config.layers, ", ",
                 config.hidden, ", ", config.embedding, ", expected 1 or more");
}

namespace detail {

/// An encoder of layers that `make_layer(cell)` makes, each `output` features.
template <Scalar S, class Layer, class MakeLayer>
[[nodiscard]] TextEncoder<Layer> make_text_encoder(const RecurrentSeq2SeqConfig& config,
                                                   bool own_words, Index output, Random& random,
                                                   MakeLayer&& make_layer) {
  check_sizes(config);
  std::vector<Layer> layers;
  for (Index l = 0; l < config.layers; ++l) {
    layers.push_back(make_layer(CellConfig{l == 0 ? config.embedding : output, config.hidden}));
  }
  std::optional<Embedding<S>> words;
  if (own_words) {
    words.emplace(
        EmbeddingConfig{config.source_vocabulary, config.embedding, config.embedding_deviation},
        random);
  }
  return {std::move(words),
          Stacked<Layer>(std::move(layers), {.dropout = config.layer_dropout}),
          {.embedding_dropout = config.embedding_dropout,
           .annotation_dropout = config.annotation_dropout}};
}

}  // namespace detail

/// A bidirectional encoder with random weights; with `own_words` false it shares the decoder's.
template <Scalar S>
[[nodiscard]] TextEncoder<Bidirectional<AnyCell<S>>> make_recurrent_encoder(
    const RecurrentSeq2SeqConfig& config, bool own_words, Random& random) {
  const bool sum = compares_states(config);
  using Layer = Bidirectional<AnyCell<S>>;
  return detail::make_text_encoder<S, Layer>(
      config, own_words, sum ? config.hidden : 2 * config.hidden, random,
      [&](const CellConfig& cell) {
        AnyCell<S> forward = make_cell<S>(config.cell, cell, random);
        return Layer(std::move(forward), make_cell<S>(config.cell, cell, random),
                     sum ? Merge::sum : Merge::concatenate);
      });
}

/// The same in one direction: an annotation knows nothing of the words that follow, so that a
/// source can be read while it arrives.
template <Scalar S>
[[nodiscard]] TextEncoder<Recurrent<AnyCell<S>>> make_causal_encoder(
    const RecurrentSeq2SeqConfig& config, bool own_words, Random& random) {
  using Layer = Recurrent<AnyCell<S>>;
  return detail::make_text_encoder<S, Layer>(
      config, own_words, config.hidden, random,
      [&](const CellConfig& cell) { return Layer(make_cell<S>(config.cell, cell, random)); });
}

/// A recurrent decoder with random weights, for any encoder of those sizes.
template <Scalar S>
[[nodiscard]] AnyRecurrentDecoder<S> make_recurrent_decoder(const RecurrentSeq2SeqConfig& config,
                                                            const EncoderSizes& encoder,
                                                            Random& random) {
  check_sizes(config);
  check_argument(config.order == DecoderOrder::step_only || !compares_states(config) ||
                     encoder.annotation == config.hidden,
                 "make_recurrent_decoder: a score without weights compares states with annotations "
                 "as they are, and hidden is ",
                 config.hidden, ", the annotations' size ", encoder.annotation,
                 "; make them equal or choose another score");
  const auto cell = [&config](Index input, Random& r) {
    return make_cell<S>(config.cell, {input, config.hidden}, r);
  };
  const bool keeps_weights = config.options.needs_weights();
  AttentionChoice choice = config.attention;
  if ((config.copies || keeps_weights) && choice.alignment == AlignmentKind::softmax) {
    choice.alignment = AlignmentKind::sharpened;
    choice.beta = 1;
  }
  AnyAttention<S> asks =
      make_attention<S>(choice, {config.hidden, encoder.annotation, config.hidden}, random);
  return {{.order = config.order,
           .vocabulary = config.target_vocabulary,
           .embedding = config.embedding,
           .hidden = config.hidden,
           .layers = config.layers,
           .annotation = encoder.annotation,
           .encoder_states = encoder.states,
           .readout = config.tied_embeddings ? config.embedding : config.hidden,
           .activation = config.activation,
           .initial = config.initial,
           .input_feeding = config.input_feeding,
           .tied_embeddings = config.tied_embeddings,
           .keeps_weights = keeps_weights,
           .copies = config.copies,
           .unknown = config.unknown,
           .embedding_deviation = config.embedding_deviation,
           .embedding_dropout = config.embedding_dropout,
           .layer_dropout = config.layer_dropout,
           .readout_dropout = config.readout_dropout},
          cell,
          std::move(asks),
          random};
}

/// A new model with random weights. Throws std::invalid_argument for choices that do not go
/// together.
template <Scalar S>
[[nodiscard]] RecurrentSeq2Seq<S> make_recurrent_seq2seq(const RecurrentSeq2SeqConfig& config,
                                                         Random& random) {
  auto encoder = make_recurrent_encoder<S>(config, true, random);
  auto decoder =
      make_recurrent_decoder<S>(config, {encoder.annotation_size(), encoder.state_rows()}, random);
  return {std::move(encoder), std::move(decoder), config.options};
}

}  // namespace attend
