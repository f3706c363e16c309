#include <numeric>
#include <reference/message_of.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "decoder_cases.hpp"
#include <attend/testing/gradient_check.hpp>

namespace {

using reference::message_of;
using namespace decoder_cases;

static_assert(attend::Decoder<AnyDecoder<float>> && attend::Decoder<AnyDecoder<double>>);
static_assert(
    attend::Decoder<attend::RecurrentDecoder<attend::Gru<float>, attend::Additive<float>>>);
static_assert(!attend::Decoder<attend::Gru<float>> && !attend::Decoder<int>);

class Decoders : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Decoders, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

template <class S>
struct Unrolled {
  typename AnyDecoder<S>::Memory memory;
  typename AnyDecoder<S>::State state;
  typename AnyDecoder<S>::Trace trace;

  Unrolled(const AnyDecoder<S>& decoder, const Batch<S>& batch, Random* random) {
    decoder.remember(batch.sources, batch.annotations, batch.final_states, memory);
    decoder.unroll(memory, batch.inputs, random, state, trace);
  }
  [[nodiscard]] Matrix<S> readouts() const { return trace.readouts.view(); }
};

TEST_P(Decoders, HaveTheirGradients) {
  const auto decoder = make_decoder<double>(GetParam(), true);
  const Batch<double> batch(decoder.config().annotation);
  Random random(3);
  const Matrix<double> dR = reference::random_matrix<double>(random, decoder.config().readout,
                                                             batch.inputs.layout.columns());
  const auto loss = [&](const AnyDecoder<double>& d, const Batch<double>& b) {
    Random dropout(7);
    return Unrolled<double>(d, b, &dropout).readouts().cwiseProduct(dR).sum();
  };

  Random dropout(7);
  Unrolled<double> pass(decoder, batch, &dropout);
  auto transposed = decoder;
  attend::assign_transposed(decoder, transposed);
  auto gradient = attend::zero_like(decoder);
  auto d_memory = pass.memory;
  d_memory.zero_like(pass.memory);
  Matrix<double> d_readouts = dR;
  decoder.unroll_backward(transposed, pass.memory, batch.inputs, d_readouts, pass.state, pass.trace,
                          d_memory, gradient);
  Matrix<double> dH(batch.annotations.rows(), batch.annotations.cols());
  Matrix<double> d_final;
  decoder.remember_backward(transposed, batch.sources, batch.final_states, pass.memory, d_memory,
                            dH, d_final, gradient);

  auto report =
      attend::check_parameters(decoder, gradient, [&](const auto& d) { return loss(d, batch); });
  const auto check = [&](const char* name, Matrix<double> Batch<double>::*part,
                         const Matrix<double>& d) {
    report.add(attend::check_input(name, batch.*part, d, [&](const auto& x) {
      Batch<double> moved = batch;
      moved.*part = x;
      return loss(decoder, moved);
    }));
  };
  check("annotations", &Batch<double>::annotations, dH);
  check("final states", &Batch<double>::final_states, d_final);
  EXPECT_TRUE(report.passed()) << report.message();
}

TEST_P(Decoders, DropOnlyWithAGenerator) {
  const auto decoder = make_decoder<float>(GetParam(), true);
  const Batch<float> batch(decoder.config().annotation);
  Random random(7);
  const Unrolled<float> dropped(decoder, batch, &random);
  const Unrolled<float> whole(decoder, batch, nullptr);
  const Unrolled<float> plain(make_decoder<float>(GetParam(), false), batch, &random);
  EXPECT_EQ(dropped.readouts() == whole.readouts(), GetParam().dropout == 0);
  EXPECT_EQ(whole.readouts(), plain.readouts());
}

/// The tokens of one target.
template <class S>
std::vector<Token> target_of(const Batch<S>& batch, Index b) {
  std::vector<Token> tokens;
  const attend::Ragged& layout = batch.inputs.layout;
  for (Index t = 0; t < layout.length(b); ++t) {
    tokens.push_back(batch.inputs.tokens[static_cast<std::size_t>(layout.column(b, t))]);
  }
  return tokens;
}

/// Expects search's steps to give the bits of unroll's readouts and their logits.
template <class S>
void expect_one_step_function(const Case& c) {
  const auto decoder = make_decoder<S>(c, false);
  const Batch<S> batch(decoder.config().annotation);
  const Unrolled<S> pass(decoder, batch, nullptr);
  const attend::Ragged& layout = batch.inputs.layout;
  Matrix<S> logits(words, layout.columns());
  decoder.output.logits(decoder.embedding, pass.trace.readouts.view(), logits);
  typename AnyDecoder<S>::State state;
  for (Index b = 0; b < layout.size(); ++b) {
    decoder.begin(pass.memory, std::span(&b, 1), state);
    Index t = 0;
    for (const Token token : target_of(batch, b)) {
      decoder.step(pass.memory, std::span(&token, 1), state);
      Matrix<S> L(words, 1);
      decoder.logits(state, L);
      const Index column = layout.column(b, t++);
      ASSERT_TRUE(reference::same_bits(pass.trace.readouts.rows(), state.trace.readouts.column(0),
                                       pass.trace.readouts.column(column)))
          << "target " << b << ", word " << t;
      ASSERT_TRUE(reference::same_bits(words, L.data(), logits.col(column).data()));
    }
  }
}

TEST_P(Decoders, StepAsTheyUnroll) {
  expect_one_step_function<float>(GetParam());
  expect_one_step_function<double>(GetParam());
}

/// A hypothesis that is decoded alone: its logits after every token.
template <class S>
std::vector<Matrix<S>> logits_alone(const AnyDecoder<S>& decoder,
                                    const typename AnyDecoder<S>::Memory& memory, Index sentence,
                                    const std::vector<Token>& tokens) {
  typename AnyDecoder<S>::State state;
  decoder.begin(memory, std::span(&sentence, 1), state);
  std::vector<Matrix<S>> logits;
  for (const Token token : tokens) {
    decoder.step(memory, std::span(&token, 1), state);
    decoder.logits(state, logits.emplace_back(words, 1));
  }
  return logits;
}

TEST_P(Decoders, GiveAHypothesisTheSameBitsAloneAndInABeam) {
  const auto decoder = make_decoder<float>(GetParam(), false);
  const Batch<float> batch(decoder.config().annotation);
  const Unrolled<float> pass(decoder, batch, nullptr);
  const std::vector<Index> sentences = {3, 3, 3, 0, 2, 3, 1, 1, 4};
  AnyDecoder<float>::State state;
  decoder.begin(pass.memory, sentences, state);
  const auto n = std::ssize(sentences);
  std::vector<std::vector<Token>> histories(sentences.size());
  Random random(4);
  for (int step = 0; step < 3; ++step) {
    std::vector<Token> tokens;
    for (auto& history : histories) {
      history.push_back(static_cast<Token>(random.below(words)));
      tokens.push_back(history.back());
    }
    decoder.step(pass.memory, tokens, state);
  }
  Matrix<float> L(words, n);
  decoder.logits(state, L);
  for (Index i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto alone = logits_alone(decoder, pass.memory, sentences[at], histories[at]);
    ASSERT_TRUE(reference::same_bits(words, alone.back().data(), L.col(i).data())) << i;
  }
}

TEST_P(Decoders, ForkAndDropHypotheses) {
  const auto decoder = make_decoder<float>(GetParam(), false);
  const Batch<float> batch(decoder.config().annotation);
  const Unrolled<float> pass(decoder, batch, nullptr);
  AnyDecoder<float>::State state;
  decoder.begin(pass.memory, std::vector<Index>{0, 3, 1}, state);
  decoder.step(pass.memory, std::vector<Token>{1, 2, 3}, state);
  const std::vector<float> parent(state.weights(1).begin(), state.weights(1).end());
  state.select(std::vector<Index>{1, 1, 2, 1});
  ASSERT_EQ(state.size(), 4);
  EXPECT_EQ(state.sentence(0), 3);
  EXPECT_EQ(state.sentence(2), 1);
  EXPECT_EQ(std::vector<float>(state.weights(3).begin(), state.weights(3).end()), parent);
  Matrix<float> L(words, 4);
  decoder.logits(state, L);
  EXPECT_EQ(L.col(0), L.col(3));
  decoder.step(pass.memory, std::vector<Token>{4, 5, 6, 4}, state);
  state.select(std::vector<Index>{3, 1});
  decoder.step(pass.memory, std::vector<Token>{7, 8}, state);
  ASSERT_EQ(state.size(), 2);
  Matrix<float> end(words, 2);
  decoder.logits(state, end);
  EXPECT_EQ(end.col(0), logits_alone(decoder, pass.memory, 3, {2, 4, 7}).back().col(0));
  EXPECT_EQ(end.col(1), logits_alone(decoder, pass.memory, 3, {2, 5, 8}).back().col(0));
  state.select({});
  EXPECT_EQ(state.size(), 0);
  Matrix<float> none(words, 0);
  decoder.step(pass.memory, {}, state);
  decoder.logits(state, none);
}

TEST_P(Decoders, ShowTheirAlignment) {
  const auto decoder = make_decoder<float>(GetParam(), false);
  const bool attends = GetParam().config.order != DecoderOrder::step_only;
  // A monotonic attention may pass the end, a Gaussian takes away.
  const bool whole = GetParam().alignment != AlignmentKind::monotonic &&
                     GetParam().alignment != AlignmentKind::local_predictive;
  const Batch<float> batch(decoder.config().annotation);
  const Unrolled<float> pass(decoder, batch, nullptr);
  AnyDecoder<float>::State state;
  const std::vector<Index> sentences = {0, 0, 1, 2, 3};
  decoder.begin(pass.memory, sentences, state);
  for (Index i = 0; i < 5; ++i) EXPECT_TRUE(state.weights(i).empty()) << "before the first step";
  for (int step = 0; step < 3; ++step) {
    decoder.step(pass.memory, std::vector<Token>{1, 2, 3, 4, 5}, state);
    for (Index i = 0; i < 5; ++i) {
      const Index T = pass.memory.length(sentences[static_cast<std::size_t>(i)]);
      const auto weights = state.weights(i);
      ASSERT_EQ(std::ssize(weights), attends ? T : 0);
      const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F);
      EXPECT_LE(sum, 1 + 1e-6F);
      EXPECT_GE(sum, weights.empty() ? 0 : whole ? 1 - 1e-6F : 1e-3F);
    }
  }
  decoder.begin(pass.memory, sentences, state);
  EXPECT_TRUE(state.weights(0).empty()) << "begun again";
}

TEST_P(Decoders, OfNothingDoNothing) {
  const auto decoder = make_decoder<double>(GetParam(), true);
  const attend::Ragged none;
  const Index d_h = decoder.config().annotation;
  AnyDecoder<double>::Memory memory;
  AnyDecoder<double>::State state;
  AnyDecoder<double>::Trace trace;
  decoder.remember(none, Matrix<double>(d_h, 0), Matrix<double>(encoder_states, 0), memory);
  Random random(1);
  const attend::TokenBatch inputs;
  decoder.unroll(memory, inputs, &random, state, trace);
  EXPECT_EQ(trace.readouts.cols(), 0);
  auto d_memory = memory;
  auto gradient = attend::zero_like(decoder);
  Matrix<double> dR(decoder.config().readout, 0);
  auto transposed = decoder;
  attend::assign_transposed(decoder, transposed);
  decoder.unroll_backward(transposed, memory, inputs, dR, state, trace, d_memory, gradient);
  EXPECT_EQ(attend::squared_norm(gradient), 0);
}

std::string config_error(RecurrentDecoderConfig config) {
  Random random(1);
  config.vocabulary = words;
  config.hidden = hidden;
  config.embedding = 5;
  config.annotation = hidden;
  config.encoder_states = encoder_states;
  const auto cell = [](Index input, Random& r) { return attend::Gru<float>({input, hidden}, r); };
  using Dot = attend::Dot<float>;
  return message_of<std::invalid_argument>(
      [&] { attend::RecurrentDecoder<attend::Gru<float>, Dot>(config, cell, Dot(), random); });
}

TEST(DecoderErrors, SayWhichConfigurationCannotBe) {
  EXPECT_EQ(config_error({.layers = 0, .readout = 4}),
            "RecurrentDecoder: layers is 0, expected 1 or more");
  EXPECT_EQ(config_error({.readout = 4, .input_feeding = true}),
            "RecurrentDecoder: input feeding belongs to the order step_then_attend (Luong)");
  EXPECT_EQ(config_error({.readout = 4, .tied_embeddings = true}),
            "RecurrentDecoder: tied embeddings need a readout of the embedding's size; the readout "
            "is 4, the embedding 5");
  EXPECT_EQ(config_error({.readout = 5, .tied_embeddings = true}), "nothing was thrown");
  EXPECT_EQ(config_error({.readout = 4, .query = attend::QueryPart::cell}),
            "RecurrentDecoder: the query is the cell state c, which only an LSTM has");
  EXPECT_EQ(config_error({.layers = 2, .readout = 4, .initial = InitialState::copied}),
            "Bridge: number of the encoder's state rows, to be copied, is 6, expected 12");
  EXPECT_EQ(config_error({.readout = 4, .activation = ReadoutActivation::none}),
            "Readout: output size, without weights, is 4, expected 17");
  EXPECT_EQ(config_error({}),
            "RecurrentDecoder: hidden, embedding and readout are 6, 5, 0, expected at least 1, 0 "
            "(the context alone is read) and 1");
  EXPECT_EQ(config_error({.readout = 4, .readout_dropout = 1.5}),
            "dropout: the probability is 1.5, expected [0, 1)");
}

TEST(DecoderErrors, SayWhichCellsDoNotFit) {
  const auto error_of = [](Index vocabulary, Index more_input, Index units) {
    Random random(1);
    using Gru = attend::Gru<float>;
    const auto cell = [&](Index input, Random& r) { return Gru({input + more_input, units}, r); };
    return message_of<std::invalid_argument>([&] {
      attend::RecurrentDecoder<Gru, attend::Dot<float>>({.vocabulary = vocabulary,
                                                         .embedding = 5,
                                                         .hidden = 6,
                                                         .annotation = 6,
                                                         .encoder_states = 6,
                                                         .readout = 4},
                                                        cell, attend::Dot<float>(), random);
    });
  };
  EXPECT_EQ(error_of(9, 0, 6), "nothing was thrown");
  EXPECT_EQ(error_of(0, 0, 6), "RecurrentDecoder: vocabulary is 0, expected 1 or more");
  EXPECT_EQ(error_of(9, 1, 6),
            "RecurrentDecoder: input size of the cell that was made is 6, expected 5");
  EXPECT_EQ(error_of(9, 0, 5),
            "RecurrentDecoder: number of its units, which .hidden says, is 5, expected 6");
}

TEST(DecoderErrors, SayWhichShapeIsWrong) {
  const auto decoder = make_decoder<float>(all_cases().front(), false);
  const Batch<float> batch(decoder.config().annotation);
  Unrolled<float> pass(decoder, batch, nullptr);
  AnyDecoder<float>::State state;
  decoder.begin(pass.memory, std::vector<Index>{0, 1}, state);
  using attend::ShapeError;
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              decoder.begin(pass.memory, std::vector<Index>{0, 99}, state);
            }),
            "RecurrentDecoder::begin: source 99 is not among the " +
                std::to_string(pass.memory.size()) + " of the memory");
  EXPECT_EQ(
      message_of<ShapeError>([&] { decoder.step(pass.memory, std::vector<Token>{1}, state); }),
      "RecurrentDecoder::step: number of tokens is 1, expected 2");
  decoder.step(pass.memory, std::vector<Token>{1, 2}, state);
  Matrix<float> L(words, 3);
  EXPECT_EQ(message_of<ShapeError>([&] { decoder.logits(state, L); }),
            "RecurrentDecoder::logits: L is (9 x 3), expected (9 x 2)");
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              state.select(std::vector<Index>{0, 2});
            }),
            "select: column 2 is not among the 2 hypotheses");
  EXPECT_EQ(state.size(), 2) << "a refused selection changes nothing";
  const Matrix<float> wrong(3, 5);
  EXPECT_EQ(message_of<ShapeError>(
                [&] { decoder.remember(batch.sources, batch.annotations, wrong, pass.memory); }),
            "RecurrentDecoder::remember: final_states is (3 x 5), expected (6 x 5)");
  const Matrix<float> low(batch.annotations.rows() - 1, batch.annotations.cols());
  EXPECT_EQ(message_of<ShapeError>(
                [&] { decoder.remember(batch.sources, low, batch.final_states, pass.memory); }),
            "RecurrentDecoder::remember: rows of the annotations is " + std::to_string(low.rows()) +
                ", expected " + std::to_string(batch.annotations.rows()));
  attend::TokenBatch fewer;
  fewer.assign(std::vector<std::vector<Token>>{{1}});
  EXPECT_EQ(message_of<ShapeError>(
                [&] { decoder.unroll(pass.memory, fewer, nullptr, state, pass.trace); }),
            "RecurrentDecoder::unroll: number of targets is 1, expected 5");
  EXPECT_NE(message_of<std::invalid_argument>([&] {
              decoder.step(pass.memory, std::vector<Token>{1, 99}, state);
            }),
            "nothing was thrown");
}

}  // namespace
