/// Sizes and choices of a recurrent decoder.
#pragma once

#include <optional>

#include <attend/core/error.hpp>
#include <attend/decoder/bridge.hpp>
#include <attend/decoder/decoder_order.hpp>
#include <attend/decoder/readout.hpp>
#include <attend/layer/dropout.hpp>

namespace attend::inline ATTEND_ABI {

/// With an embedding of size 0 the context is the decoder's only input.
struct RecurrentDecoderConfig {
  DecoderOrder order = DecoderOrder::attend_then_step;
  Index vocabulary = 0;
  Index embedding = 0;
  Index hidden = 0;
  Index layers = 1;
  /// d_v, the size of the encoder's annotations, and the rows of its final states.
  Index annotation = 0;
  Index encoder_states = 0;
  Index readout = 0;
  ReadoutActivation activation = ReadoutActivation::tanh;
  /// What the readout reads beside the state; where this is unset, the context, and the embedding
  /// but with step_then_attend.
  std::optional<bool> reads_context = {};
  std::optional<bool> reads_embedding = {};
  InitialState initial = InitialState::tanh;
  QueryPart query = QueryPart::hidden;
  bool input_feeding = false;
  bool tied_embeddings = false;
  /// Training keeps the weights of every step, for losses on them; softmax must then go by whole
  /// columns (Sharpened).
  bool keeps_weights = false;
  /// A word may be copied from the source (decoder/copying.hpp); keeps weights.
  bool copies = false;
  /// What a decoder reads in place of a word that it copied and does not know.
  Token unknown = 0;
  /// Of the normal numbers that embeddings begin with; tied ones are divided by sqrt(embedding),
  /// because large vectors would begin as large logits.
  double embedding_deviation = 1;
  double embedding_dropout = 0;
  double layer_dropout = 0;
  double readout_dropout = 0;
  DropoutMask mask = DropoutMask::each_step;
};

namespace detail {

inline const RecurrentDecoderConfig& checked(const RecurrentDecoderConfig& config) {
  check_argument(config.layers >= 1, "RecurrentDecoder: layers is ", config.layers,
                 ", expected 1 or more");
  check_argument(config.hidden >= 1 && config.embedding >= 0 && config.readout >= 1,
                 "RecurrentDecoder: hidden, embedding and readout are ", config.hidden, ", ",
                 config.embedding, ", ", config.readout,
                 ", expected at least 1, 0 (the context alone is read) and 1");
  for (const double p : {config.embedding_dropout, config.layer_dropout, config.readout_dropout}) {
    check_probability(p);
  }
  check_argument(!config.input_feeding || config.order == DecoderOrder::step_then_attend,
                 "RecurrentDecoder: input feeding belongs to the order step_then_attend (Luong)");
  check_argument(!config.tied_embeddings || config.readout == config.embedding,
                 "RecurrentDecoder: tied embeddings need a readout of the embedding's size; the "
                 "readout is ",
                 config.readout, ", the embedding ", config.embedding);
  check_argument(
      !(config.copies || config.keeps_weights) || config.order != DecoderOrder::step_only,
      "RecurrentDecoder: to copy words, and for losses on weights, it must attend; "
      "choose another order than step_only");
  return config;
}

}  // namespace detail

}  // namespace attend
