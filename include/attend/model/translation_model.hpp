/// The usual model of translation: a bidirectional GRU, an attention, a GRU.
#pragma once

#include <utility>
#include <vector>

#include <attend/cell/gru.hpp>
#include <attend/core/error.hpp>
#include <attend/decoder/recurrent_decoder.hpp>
#include <attend/encoder/bidirectional.hpp>
#include <attend/encoder/text_encoder.hpp>
#include <attend/model/seq2seq.hpp>
#include <attend/score/additive.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
using TranslationModel =
    Seq2Seq<TextEncoder<Bidirectional<Gru<S>>>, RecurrentDecoder<Gru<S>, Additive<S>>>;

/// Sizes: d_h = 2 `hidden` (two directions); states, energies and readout have `hidden`. Dropout
/// acts on embeddings, annotations, readouts and between layers.
struct TranslationModelConfig {
  Index source_vocabulary = 0;
  Index target_vocabulary = 0;
  Index embedding = 0;
  Index hidden = 0;
  Index layers = 1;
  DecoderOrder order = DecoderOrder::attend_then_step;
  double dropout = 0;
  double label_smoothing = 0;
};

/// RNNsearch of Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473) with random weights; the order
/// `step_attend_step` makes it Nematus's model, `step_only` the same model without attention.
/// For other cells, scores and sizes put Seq2Seq together yourself, as is done here. Throws
/// std::invalid_argument for a size below 1.
template <Scalar S>
[[nodiscard]] TranslationModel<S> translation_model(const TranslationModelConfig& config,
                                                    Random& random) {
  for (const Index size : {config.source_vocabulary, config.target_vocabulary, config.embedding,
                           config.hidden, config.layers}) {
    check_argument(size >= 1, "translation_model: the vocabularies, embedding, hidden and layers "
                   "are ", config.source_vocabulary, ", ", config.target_vocabulary, ", ",
                   config.embedding, ", ", config.hidden, " and ", config.layers,
                   ", expected 1 or more each");
  }
  const auto gru = [&](Index input, Random& r) {
    return Gru<S>({.input = input, .hidden = config.hidden}, r);
  };
  const Index annotation = 2 * config.hidden;

  std::vector<Bidirectional<Gru<S>>> layers;
  for (Index l = 0; l < config.layers; ++l) {
    const Index input = l == 0 ? config.embedding : annotation;
    Gru<S> forward = gru(input, random);
    layers.emplace_back(std::move(forward), gru(input, random));
  }
  Embedding<S> words({.vocabulary = config.source_vocabulary, .size = config.embedding}, random);
  TextEncoder<Bidirectional<Gru<S>>> encoder(
      std::move(words), Stacked(std::move(layers), {.dropout = config.dropout}),
      {.embedding_dropout = config.dropout, .annotation_dropout = config.dropout});

  Additive<S> score({.query = config.hidden, .key = annotation, .energy = config.hidden}, random);
  const RecurrentDecoderConfig decoder{.order = config.order,
                                       .vocabulary = config.target_vocabulary,
                                       .embedding = config.embedding,
                                       .hidden = config.hidden,
                                       .layers = config.layers,
                                       .annotation = annotation,
                                       .encoder_states = encoder.state_rows(),
                                       .readout = config.hidden,
                                       .embedding_dropout = config.dropout,
                                       .layer_dropout = config.dropout,
                                       .readout_dropout = config.dropout};
  return {std::move(encoder), {decoder, gru, std::move(score), random},
          {.label_smoothing = config.label_smoothing}};
}

}  // namespace attend
