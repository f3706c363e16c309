/// A translator whose encoder and decoder are chosen when the program runs, in any mix.
#pragma once

#include <optional>
#include <utility>

#include <attend/decoder/any_decoder.hpp>
#include <attend/encoder/any_encoder.hpp>
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/model/seq2seq.hpp>

namespace attend::inline ATTEND_ABI {

enum class PartKind {
  recurrent,
  transformer,
  causal  ///< Of encoders: recurrent, in one direction.
};

/// `recurrent` has the vocabularies, the size of embeddings and what recurrent parts need,
/// `transformer` what transformer parts need; its size is that of embeddings.
/// A recurrent decoder on a causal encoder begins at zero: the end of a source that still arrives
/// is not known.
struct AnySeq2SeqConfig {
  PartKind encoder = PartKind::recurrent;
  PartKind decoder = PartKind::recurrent;
  RecurrentSeq2SeqConfig recurrent = {};
  TransformerConfig transformer = {};
  /// One embedding for the words of both languages, which then are one vocabulary.
  bool shared_embeddings = false;
};

template <Scalar S>
using AnySeq2Seq = Seq2Seq<AnyEncoder<S>, AnyDecoder<S>>;

/// A new model with random weights. Throws std::invalid_argument for choices that do not go
/// together.
template <Scalar S>
[[nodiscard]] AnySeq2Seq<S> make_seq2seq(AnySeq2SeqConfig config, Random& random) {
  RecurrentSeq2SeqConfig& words = config.recurrent;
  check_argument(!config.shared_embeddings || words.source_vocabulary == words.target_vocabulary,
                 "make_seq2seq: shared embeddings need one vocabulary, the source has ",
                 words.source_vocabulary, " words, the target ", words.target_vocabulary);
  config.transformer.size = words.embedding;
  AnyEncoder<S> encoder;
  if (config.encoder == PartKind::recurrent) {
    encoder = make_recurrent_encoder<S>(words, !config.shared_embeddings, random);
  } else if (config.encoder == PartKind::causal) {
    encoder = make_causal_encoder<S>(words, !config.shared_embeddings, random);
    words.initial = InitialState::zero;
  } else {
    std::optional<Embedding<S>> own;
    if (!config.shared_embeddings) {
      const double deviation = 1 / std::sqrt(static_cast<double>(words.embedding));
      own.emplace(EmbeddingConfig{words.source_vocabulary, words.embedding, deviation}, random);
    }
    encoder = TransformerEncoder<S>(config.transformer, std::move(own), random);
  }
  AnyDecoder<S> decoder;
  check_argument(config.decoder != PartKind::causal,
                 "make_seq2seq: causal is a kind of encoder; the decoder is recurrent");
  if (config.decoder == PartKind::recurrent) {
    decoder =
        make_recurrent_decoder<S>(words, {encoder.annotation_size(), encoder.state_rows()}, random);
  } else {
    decoder = TransformerDecoder<S>({.transformer = config.transformer,
                                     .vocabulary = words.target_vocabulary,
                                     .annotation = encoder.annotation_size(),
                                     .tied_embeddings = words.tied_embeddings},
                                    random);
  }
  return {std::move(encoder), std::move(decoder), words.options};
}

}  // namespace attend
