/// How a model was made: what `translator train` was told, and what a model file remembers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <attend/core/error.hpp>
#include <attend/model/any_seq2seq.hpp>

namespace translator {

using attend::Index;

/// Settings of the model and of its training. `threads` is not among them: it changes no result.
struct Recipe {
  /// Of a dropout's own probability: the same as `dropout`.
  static constexpr double as_dropout = -1;

  std::string encoder = "recurrent";
  std::string cell = "gru";
  std::string score = "additive";
  std::string window = "full";
  std::string alignment = "softmax";
  Index reach = 10;
  double beta = 2;
  std::string decoder = "bahdanau";
  bool input_feeding = false;
  bool tied_embeddings = false;
  bool shared_embeddings = false;
  bool maxout = false;
  Index hidden = 256;
  Index embedding = 256;
  Index layers = 1;
  Index heads = 4;
  Index key_heads = 0;
  Index feed_forward = 512;
  std::string activation = "relu";
  std::string norm = "pre";
  std::string norm_kind = "layer";
  std::string positions = "sinusoidal";
  Index relative_clip = 16;
  double soft_cap = 0;
  Index self_reach = 0;
  double attention_dropout = 0;
  double dropout = 0.3;
  double embedding_dropout = as_dropout;
  double annotation_dropout = as_dropout;
  double readout_dropout = as_dropout;
  double label_smoothing = 0;
  double coverage_loss = 0;
  double doubly_stochastic = 0;
  bool rewards = false;

  Index subwords = 0;
  bool separate_subwords = false;
  Index min_frequency = 2;
  Index max_length = 100;

  Index batch = 64;
  Index batch_tokens = 0;
  Index shards = 2;
  std::int64_t epochs = 20;
  double rate = 1e-3;
  std::string schedule = "plateau";
  std::int64_t warmup = 1000;
  double beta2 = 0.999;
  double weight_decay = 0;
  double clip = 1;
  std::int64_t patience = 5;
  Index average = 0;
  std::string select = "bleu";
  std::uint64_t seed = 1;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(
    Recipe, encoder, cell, score, window, alignment, reach, beta, decoder, input_feeding,
    tied_embeddings, shared_embeddings, maxout, hidden, embedding, layers, heads, key_heads,
    feed_forward, activation, norm, norm_kind, positions, relative_clip, soft_cap, self_reach,
    attention_dropout, dropout, embedding_dropout, annotation_dropout, readout_dropout,
    label_smoothing, coverage_loss, doubly_stochastic, rewards, subwords, separate_subwords,
    min_frequency, max_length, batch, batch_tokens, shards, epochs, rate, schedule, warmup, beta2,
    weight_decay, clip, patience, average, select, seed)

/// The value that a name stands for. Throws std::invalid_argument that lists the names.
template <class T>
T named(std::string_view what, const std::string& name, const std::map<std::string, T>& values) {
  const auto found = values.find(name);
  if (found != values.end()) return found->second;
  std::string names;
  for (const auto& [known, value] : values) names += (names.empty() ? "" : ", ") + known;
  throw std::invalid_argument(
      attend::detail::message(what, " is '", name, "', expected one of ", names));
}

/// Whether the decoder is a recurrent one, to which --score belongs.
inline bool decoder_is_recurrent(const Recipe& recipe) { return recipe.decoder != "transformer"; }

/// Whether the model attends to its source.
inline bool attends(const Recipe& recipe) {
  return !decoder_is_recurrent(recipe) || recipe.score != "none";
}

inline attend::AttentionChoice attention_choice(const Recipe& recipe) {
  using attend::AlignmentKind, attend::ScoreKind, attend::WindowKind;
  const bool attends = recipe.score != "none";
  const auto score = named<ScoreKind>("--score", attends ? recipe.score : "additive",
                                      {{"additive", ScoreKind::additive},
                                       {"dot", ScoreKind::dot},
                                       {"general", ScoreKind::general},
                                       {"concat", ScoreKind::concat},
                                       {"scaled_dot", ScoreKind::scaled_dot},
                                       {"normalised", ScoreKind::normalised},
                                       {"cosine", ScoreKind::cosine},
                                       {"scaled_general", ScoreKind::scaled_general},
                                       {"location", ScoreKind::location},
                                       {"location_sensitive", ScoreKind::location_sensitive},
                                       {"coverage", ScoreKind::coverage}});
  const auto window = named<WindowKind>("--window", recipe.window,
                                        {{"full", WindowKind::full},
                                         {"causal", WindowKind::causal},
                                         {"local", WindowKind::local},
                                         {"causal_local", WindowKind::causal_local}});
  const auto alignment =
      named<AlignmentKind>("--alignment", recipe.alignment,
                           {{"softmax", AlignmentKind::softmax},
                            {"sharpened", AlignmentKind::sharpened},
                            {"smoothed", AlignmentKind::smoothed},
                            {"sparsemax", AlignmentKind::sparsemax},
                            {"argmax", AlignmentKind::argmax},
                            {"straight_through", AlignmentKind::straight_through},
                            {"sampled", AlignmentKind::sampled},
                            {"monotonic", AlignmentKind::monotonic},
                            {"monotonic_parallel", AlignmentKind::monotonic_parallel},
                            {"memory_addressing", AlignmentKind::memory_addressing},
                            {"local_predictive", AlignmentKind::local_predictive}});
  return {.score = score,
          .window = window,
          .alignment = alignment,
          .reach = recipe.reach,
          .beta = recipe.beta,
          .longest = 2 * recipe.max_length};
}

inline attend::RecurrentSeq2SeqConfig recurrent_config(const Recipe& recipe,
                                                       Index source_vocabulary,
                                                       Index target_vocabulary) {
  using attend::CellKind, attend::DecoderOrder;
  const auto part = [&](double own) { return own != Recipe::as_dropout ? own : recipe.dropout; };
  const bool attends = recipe.score != "none";
  const auto order = named<DecoderOrder>("--decoder", recipe.decoder,
                                         {{"bahdanau", DecoderOrder::attend_then_step},
                                          {"luong", DecoderOrder::step_then_attend},
                                          {"conditional", DecoderOrder::step_attend_step},
                                          {"transformer", DecoderOrder::step_only}});
  const auto cell =
      named<CellKind>("--cell", recipe.cell,
                      {{"gru", CellKind::gru}, {"lstm", CellKind::lstm}, {"rnn", CellKind::rnn}});
  return {.source_vocabulary = source_vocabulary,
          .target_vocabulary = target_vocabulary,
          .embedding = recipe.embedding,
          .hidden = recipe.hidden,
          .layers = recipe.layers,
          .cell = cell,
          .attention = attention_choice(recipe),
          .order = attends ? order : DecoderOrder::step_only,
          .input_feeding = recipe.input_feeding,
          .tied_embeddings = recipe.tied_embeddings,
          .activation =
              recipe.maxout ? attend::ReadoutActivation::maxout : attend::ReadoutActivation::tanh,
          .embedding_dropout = part(recipe.embedding_dropout),
          .annotation_dropout = part(recipe.annotation_dropout),
          .layer_dropout = recipe.dropout,
          .readout_dropout = part(recipe.readout_dropout),
          .options = {.label_smoothing = recipe.label_smoothing,
                      .coverage_loss = recipe.coverage_loss,
                      .doubly_stochastic = recipe.doubly_stochastic,
                      .rewards = recipe.rewards}};
}

/// A feed-forward network's function, and whether it is the gate of a gated one.
struct FeedForwardKind {
  attend::Activation activation;
  bool gated = false;
};

inline attend::TransformerConfig transformer_config(const Recipe& recipe) {
  using attend::Activation, attend::NormKind, attend::NormPlacement, attend::PositionKind;
  const auto kind = named<FeedForwardKind>("--activation", recipe.activation,
                                           {{"relu", {Activation::relu}},
                                            {"gelu", {Activation::gelu}},
                                            {"gelu_tanh", {Activation::gelu_tanh}},
                                            {"silu", {Activation::silu}},
                                            {"glu", {Activation::sigmoid, true}},
                                            {"reglu", {Activation::relu, true}},
                                            {"geglu", {Activation::gelu, true}},
                                            {"swiglu", {Activation::silu, true}}});
  const auto placement = named<NormPlacement>(
      "--norm", recipe.norm, {{"pre", NormPlacement::before}, {"post", NormPlacement::after}});
  const auto norm =
      named<NormKind>("--norm-kind", recipe.norm_kind,
                      {{"layer", NormKind::layer}, {"rms", NormKind::root_mean_square}});
  const auto positions = named<PositionKind>("--positions", recipe.positions,
                                             {{"none", PositionKind::none},
                                              {"sinusoidal", PositionKind::sinusoidal},
                                              {"rotary", PositionKind::rotary},
                                              {"relative", PositionKind::relative},
                                              {"linear_bias", PositionKind::linear_bias}});
  return {.size = recipe.embedding,
          .layers = recipe.layers,
          .heads = recipe.heads,
          .key_heads = recipe.key_heads,
          .feed_forward = recipe.feed_forward,
          .activation = kind.activation,
          .gated = kind.gated,
          .placement = placement,
          .norm = norm,
          .positions = positions,
          .relative_clip = recipe.relative_clip,
          .soft_cap = recipe.soft_cap,
          .reach = recipe.self_reach,
          .dropout = recipe.dropout,
          .attention_dropout = recipe.attention_dropout};
}

inline attend::AnySeq2SeqConfig model_config(const Recipe& recipe, Index source_vocabulary,
                                             Index target_vocabulary) {
  using attend::PartKind;
  const auto encoder = named<PartKind>("--encoder", recipe.encoder,
                                       {{"recurrent", PartKind::recurrent},
                                        {"causal", PartKind::causal},
                                        {"transformer", PartKind::transformer}});
  return {.encoder = encoder,
          .decoder = decoder_is_recurrent(recipe) ? PartKind::recurrent : PartKind::transformer,
          .recurrent = recurrent_config(recipe, source_vocabulary, target_vocabulary),
          .transformer = transformer_config(recipe),
          .shared_embeddings = recipe.shared_embeddings};
}

}  // namespace translator
