/// Decoders of every order, and small batches for them.
#pragma once

#include <ostream>
#include <reference/matrices.hpp>
#include <reference/scores.hpp>
#include <string>
#include <vector>

#include <attend/attention/any_alignment.hpp>
#include <attend/attention/any_window.hpp>
#include <attend/cell/any_cell.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/recurrent_decoder.hpp>
#include <attend/score/any_score.hpp>

namespace decoder_cases {

using attend::DecoderOrder;
using attend::Index;
using attend::InitialState;
using attend::Matrix;
using attend::Random;
using attend::ReadoutActivation;
using attend::RecurrentDecoderConfig;
using attend::Token;

enum class CellKind { gru, gru_reset_before, lstm, elman };
enum class ScoreKind { additive, concat, general, dot, location_sensitive, coverage, location };
enum class AlignmentKind { softmax, sparsemax, monotonic, addressing, local_predictive };

struct Case {
  std::string name;
  CellKind cell;
  ScoreKind score;
  RecurrentDecoderConfig config;
  double dropout = 0;
  Index embedding = 5;
  AlignmentKind alignment = AlignmentKind::softmax;
  attend::AnyWindow window = {};

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

inline constexpr Index words = 9;
inline constexpr Index hidden = 6;
inline constexpr Index encoder_states = 6;

inline std::vector<Case> all_cases() {
  using enum DecoderOrder;
  using enum CellKind;
  using enum ScoreKind;
  using enum AlignmentKind;
  using enum InitialState;
  constexpr auto maxout = ReadoutActivation::maxout;
  constexpr auto none = ReadoutActivation::none;
  constexpr auto rectified = ReadoutActivation::relu;
  return {
      {"Bahdanau", gru, additive, {.order = attend_then_step}},
      {"BahdanauResetBefore", gru_reset_before, dot, {.order = attend_then_step}, 0.2},
      {"BahdanauDeep",
       lstm,
       additive,
       {.order = attend_then_step, .layers = 2, .activation = maxout},
       0.3},
      {"BahdanauTied", elman, general, {.order = attend_then_step, .tied_embeddings = true}},
      {"Luong", gru, general, {.order = step_then_attend}},
      {"LuongDeep", lstm, dot, {.order = step_then_attend, .layers = 2}, 0.3},
      {"LuongFeeding",
       elman,
       concat,
       {.order = step_then_attend,
        .input_feeding = true,
        .mask = attend::DropoutMask::same_over_time},
       0.3},
      {"LuongFeedingDeep",
       lstm,
       general,
       {.order = step_then_attend, .layers = 2, .activation = maxout, .input_feeding = true},
       0.2},
      {"Conditional", gru, additive, {.order = step_attend_step}},
      {"ConditionalDeep",
       lstm,
       dot,
       {.order = step_attend_step, .layers = 2, .tied_embeddings = true},
       0.2},
      {"Plain", elman, dot, {.order = step_only}},
      {"PlainDeep", gru, dot, {.order = step_only, .layers = 2, .activation = maxout}, 0.2},
      {"PlainBare",
       gru,
       dot,
       {.order = step_only, .activation = none, .reads_embedding = false, .initial = copied}},
      {"ContextAlone",
       lstm,
       additive,
       {.order = attend_then_step,
        .activation = none,
        .reads_context = false,
        .initial = zero,
        .query = attend::QueryPart::cell},
       0,
       0},
      {"ReadsAll", elman, general, {.order = attend_then_step, .activation = none}, 0.2},
      {"LuongAsksWithAll",
       lstm,
       general,
       {.order = step_then_attend,
        .layers = 2,
        .activation = rectified,
        .reads_embedding = true,
        .initial = linear,
        .query = attend::QueryPart::all}},
      {"LuongAsksWithCell",
       lstm,
       additive,
       {.order = step_then_attend,
        .activation = ReadoutActivation::linear,
        .initial = InitialState::relu,
        .query = attend::QueryPart::cell,
        .input_feeding = true}},
      {"LocationSensitive", gru, location_sensitive, {.order = attend_then_step}},
      {"Coverage", gru, coverage, {.order = step_then_attend}},
      {"CoverageMonotonic", lstm, coverage, {.order = step_attend_step}, 0.3, 5, monotonic},
      {"Location", elman, location, {.order = step_then_attend}},
      {"Monotonic", gru, additive, {.order = step_then_attend}, 0, 5, monotonic},
      {"Addressing", elman, dot, {.order = attend_then_step}, 0, 5, addressing},
      {"LocalPredictive", gru, general, {.order = step_then_attend}, 0, 5, local_predictive},
      {"LocalPredictiveFeeding",
       gru,
       additive,
       {.order = step_then_attend, .input_feeding = true},
       0,
       5,
       local_predictive},
      {"LocalMonotonic",
       elman,
       concat,
       {.order = step_then_attend},
       0,
       5,
       softmax,
       attend::Sliding::local_monotonic(1)},
      {"Sparsemax", elman, general, {.order = step_attend_step}, 0, 5, sparsemax},
  };
}

template <class S>
using AnyDecoder = attend::RecurrentDecoder<attend::AnyCell<S>, attend::AnyScore<S>,
                                            attend::AnyWindow, attend::AnyAlignment<S>>;

template <class S>
attend::AnyCell<S> make_cell(CellKind kind, Index input, Random& random) {
  if (kind == CellKind::lstm) return attend::Lstm<S>({input, hidden}, random);
  if (kind == CellKind::elman) return attend::Elman<S>({input, hidden}, random);
  const auto form =
      kind == CellKind::gru ? attend::GruForm::reset_after : attend::GruForm::reset_before;
  return attend::Gru<S>({input, hidden, form}, random);
}

template <class S>
attend::AnyScore<S> make_score(ScoreKind kind, Index query, Index annotation, Random& random) {
  if (kind == ScoreKind::additive) return attend::Additive<S>({query, annotation, 9}, random);
  if (kind == ScoreKind::concat) return attend::Concat<S>({query, annotation, 7}, random);
  if (kind == ScoreKind::location) return attend::Location<S>(query, 6, random);
  if (kind == ScoreKind::coverage) {
    return attend::coverage_score<S>({query, annotation, 9}, random);
  }
  if (kind == ScoreKind::location_sensitive) {
    return attend::LocationSensitive<S>({{query, annotation, 9}, 3, 3}, random);
  }
  if (kind == ScoreKind::general) return attend::General<S>({query, annotation, 0}, random);
  return attend::Dot<S>();
}

template <class S>
attend::AnyAlignment<S> make_alignment(AlignmentKind kind, Index query, double noise,
                                       Random& random) {
  if (kind == AlignmentKind::sparsemax) return attend::Sparsemax{};
  if (kind == AlignmentKind::monotonic) return attend::Monotonic{.noise = noise};
  if (kind == AlignmentKind::addressing) return attend::MemoryAddressing<S>(query, random);
  if (kind == AlignmentKind::local_predictive) {
    return attend::LocalPredictive<S>(query, 5, 2, random);
  }
  return attend::Softmax{};
}

/// With every parameter random, biases too.
template <class S>
AnyDecoder<S> make_decoder(const Case& c, bool with_dropout) {
  RecurrentDecoderConfig config = c.config;
  config.vocabulary = words;
  config.embedding = c.embedding;
  config.hidden = hidden;
  config.annotation = c.score == ScoreKind::dot ? hidden : 7;
  config.encoder_states = encoder_states;
  config.readout = config.tied_embeddings ? 5 : 8;
  if (config.activation == ReadoutActivation::none) {
    const bool context = config.order != DecoderOrder::step_only;
    config.readout = hidden +
                     (context && config.reads_context.value_or(true) ? config.annotation : 0) +
                     (config.reads_embedding.value_or(true) ? config.embedding : 0);
  }
  if (with_dropout) {
    config.embedding_dropout = config.layer_dropout = config.readout_dropout = c.dropout;
  }
  Random random(1);
  const Index query = config.query == attend::QueryPart::all ? 2 * hidden : hidden;
  const auto cell = [&](Index input, Random& r) { return make_cell<S>(c.cell, input, r); };
  attend::AnyScore<S> score = make_score<S>(c.score, query, config.annotation, random);
  attend::Attention asks(
      std::move(score), c.window,
      make_alignment<S>(c.alignment, query, with_dropout ? c.dropout : 0, random));
  AnyDecoder<S> decoder(config, cell, std::move(asks), random);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) { attend::initialize_uniform(p, 0.7, random); }, decoder);
  return decoder;
}

/// Encoded sources and the inputs of their targets; some have no word.
template <class S>
struct Batch {
  attend::Ragged sources;
  Matrix<S> annotations;
  Matrix<S> final_states;
  attend::TokenBatch inputs;

  explicit Batch(Index d_h) {
    const std::vector<Index> lengths = {4, 2, 0, 6, 3};
    sources.assign(lengths);
    Random random(2);
    annotations = reference::random_matrix<S>(random, d_h, sources.columns());
    final_states = reference::random_matrix<S>(random, encoder_states, sources.size());
    inputs.assign(
        std::vector<std::vector<Token>>{{1, 3, 4}, {}, {1, 5, 6, 7, 8}, {1}, {1, 2, 2, 0}});
  }
};

}  // namespace decoder_cases
