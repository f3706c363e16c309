#include <algorithm>
#include <cmath>
#include <ostream>
#include <reference/matrices.hpp>
#include <reference/message_of.hpp>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model_loss.hpp"
#include <attend/model/recurrent_seq2seq.hpp>
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Index;
using attend::Loss;
using attend::Matrix;
using attend::Random;
using attend::RecurrentSeq2Seq;
using attend::RecurrentSeq2SeqConfig;
using attend::SentencePair;
using attend::Token;

/// Words 0 to 8; from 9 on each source's own.
constexpr Index words = 9;

struct Case {
  std::string name;
  RecurrentSeq2SeqConfig config;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

std::vector<Case> all_cases() {
  using enum attend::DecoderOrder;
  return {
      {"Copies", {.copies = true, .embedding_dropout = 0.2, .readout_dropout = 0.2}},
      {"CopiesAsLuongFeeds",
       {.attention = {.score = attend::ScoreKind::general},
        .order = step_then_attend,
        .input_feeding = true,
        .copies = true}},
      {"CopiesWithCoverage",
       {.attention = {.score = attend::ScoreKind::coverage},
        .order = step_attend_step,
        .copies = true,
        .options = {.coverage_loss = 0.7}}},
      {"LuongCovers", {.layers = 2, .order = step_then_attend, .options = {.coverage_loss = 1.5}}},
      {"SmoothedCovers",
       {.attention = {.alignment = attend::AlignmentKind::smoothed},
        .options = {.label_smoothing = 0.1, .coverage_loss = 1}}},
      {"IsDoublyStochastic",
       {.attention = {.score = attend::ScoreKind::coverage},
        .options = {.coverage_loss = 0.4, .doubly_stochastic = 0.6}}}};
}

/// With every parameter random, biases too; those of a gate are drawn last.
template <class S>
RecurrentSeq2Seq<S> make(RecurrentSeq2SeqConfig config, double scale = 1) {
  Random random(3);
  config.source_vocabulary = 8;
  config.target_vocabulary = words;
  config.embedding = 4;
  config.hidden = 5;
  auto model = attend::make_recurrent_seq2seq<S>(config, random);
  Random other(4);
  attend::for_each_parameter(
      [&](std::string_view, auto& p) {
        for (Index i = 0; i < p.rows(); ++i) {
          for (Index j = 0; j < p.cols(); ++j) {
            p(i, j) = static_cast<S>(scale * other.uniform(-0.7, 0.7));
          }
        }
      },
      model);
  return model;
}

/// Some words come twice in a source, some are copied that the vocabulary has, some that it has
/// not, and one target is both.
std::vector<SentencePair> some_pairs() {
  return {{{3, 4, 5}, {9, 4, 2}, {4, 9, 9}},
          {{6}, {3, 10, 9, 2}, {7}},
          {{7, 1, 2, 3, 4, 5}, {10, 9, 4, 8, 11, 2}, {9, 10, 4, 4, 11, 9}},
          {{}, {2}, {}},
          {{2, 2}, {}, {9, 10}}};
}

/// Without words that no vocabulary has, for a model that does not copy; the second of these would
/// have no likelihood for one that does.
std::vector<SentencePair> pairs_for(const RecurrentSeq2SeqConfig& config) {
  auto pairs = some_pairs();
  for (SentencePair& pair : pairs) {
    for (Token& token : pair.target) {
      const bool in_source = std::ranges::find(pair.copies, token) != pair.copies.end();
      if (token >= words && (!config.copies || !in_source)) token = 5;
    }
  }
  return pairs;
}

class Objectives : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(All, Objectives, testing::ValuesIn(all_cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(Objectives, PassTheGradientCheck) {
  const auto& config = GetParam().config;
  const auto model = make<double>(config);
  const auto batch = batch_of(pairs_for(config));
  RecurrentSeq2Seq<double>::Workspace workspace;
  auto gradient = attend::zero_like(model);
  const double scale = 0.7;
  for (int pass = 0; pass < 2; ++pass) {
    Random random(loss_seed);
    model.loss_and_gradient(batch, scale / 2, random, workspace, gradient);
  }
  const auto report = check_loss_gradient(model, batch, scale, gradient, 6);
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_GT(report.checked, 150);
}

TEST_P(Objectives, LoseAsMuchInABatchAsAlone) {
  const auto& config = GetParam().config;
  const auto model = make<float>(config);
  auto pairs = pairs_for(config);
  RecurrentSeq2Seq<float>::Workspace workspace;
  const Loss together = model.loss(batch_of(pairs), workspace);
  Loss alone;
  for (const SentencePair& pair : pairs) alone += model.loss(batch_of({pair}), workspace);
  EXPECT_EQ(together.nats, alone.nats);
  EXPECT_EQ(together.tokens, alone.tokens);
  std::reverse(pairs.begin(), pairs.end());
  EXPECT_EQ(model.loss(batch_of(pairs), workspace).nats, together.nats);
}

auto search(const RecurrentSeq2Seq<double>& model, const std::vector<SentencePair>& pairs) {
  const auto batch = batch_of(pairs);
  RecurrentSeq2Seq<double>::Workspace workspace;
  attend::RecurrentMemory<double> memory;
  model.remember(batch.source, batch.copies, workspace, memory);
  return attend::beam_search(model.decoder, memory,
                             {.beam = 4, .n_best = 4, .start = 1, .end = 2, .max_length = {2, 3}});
}

/// What search says of words, copied ones too, is what the loss says of them.
TEST(Copying, LosesTheLogProbabilityThatSearchFinds) {
  for (const Case& c : all_cases()) {
    if (!c.config.copies) continue;
    const auto model = make<double>(c.config, 2.5);
    const auto pairs = some_pairs();
    RecurrentSeq2Seq<double>::Workspace workspace;
    Index copied = 0;
    const auto found = search(model, pairs);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      for (const auto& hypothesis : found[i]) {
        SentencePair pair{pairs[i].source, hypothesis.tokens, pairs[i].copies};
        if (hypothesis.finished) pair.target.push_back(2);
        for (const Token token : pair.target) {
          if (token < words) continue;
          ++copied;
          EXPECT_NE(std::ranges::find(pair.copies, token), pair.copies.end());
        }
        EXPECT_NEAR(model.loss(batch_of({pair}), workspace).nats, -hypothesis.log_probability,
                    1e-9);
      }
      const auto alone = search(model, {pairs[i]}).front();
      for (std::size_t k = 0; k < alone.size(); ++k) {
        EXPECT_EQ(alone[k].tokens, found[i][k].tokens);
        EXPECT_EQ(alone[k].log_probability, found[i][k].log_probability);
      }
    }
    EXPECT_GT(copied, 10) << c.name;
  }
}

/// p_gen = 1 writes as a model without copies does.
TEST(Copying, LeavesTheWordsToAGateThatIsOpen) {
  auto config = all_cases().front().config;
  auto model = make<double>(config);
  model.decoder.gate->b(0) = 50;
  config.copies = false;
  config.attention.alignment = attend::AlignmentKind::sharpened;
  config.attention.beta = 1;
  const auto plain = make<double>(config);
  auto pairs = pairs_for(config);
  RecurrentSeq2Seq<double>::Workspace workspace;
  const double with = model.loss(batch_of(pairs), workspace).nats;
  for (SentencePair& pair : pairs) pair.copies.clear();
  EXPECT_NEAR(plain.loss(batch_of(pairs), workspace).nats, with, 1e-9);
}

TEST(CoverageLoss, IsPartOfTrainingsLossAlone) {
  auto config = all_cases()[3].config;
  const auto pairs = pairs_for(config);
  const auto nats = [&](double factor) {
    config.options.coverage_loss = factor;
    const auto model = make<double>(config);
    RecurrentSeq2Seq<double>::Workspace workspace;
    auto unused = attend::zero_like(model);
    Random random(1);
    return std::pair(model.loss(batch_of(pairs), workspace).nats,
                     model.loss_and_gradient(batch_of(pairs), 0, random, workspace, unused).nats);
  };
  const auto [once, trained_once] = nats(1);
  const auto [twice, trained_twice] = nats(2);
  EXPECT_EQ(once, twice);
  EXPECT_GT(trained_once, once + 0.1);
  EXPECT_NEAR(trained_twice - twice, 2 * (trained_once - once), 1e-12);
}

/// A source of two words and a target of one: attention chooses one of the two, and the mean of the
/// gradients of both choices, weighted by their probabilities, is the gradient of the mean loss.
TEST(Rewards, EstimateTheGradientOfTheExpectedLoss) {
  RecurrentSeq2SeqConfig config{.attention = {.alignment = attend::AlignmentKind::sampled},
                                .options = {.rewards = true}};
  auto model = make<double>(config);
  const auto set_soft = [](auto& m, double soft) {
    auto& choice = m.decoder.attention->alignment.choice();
    std::get<attend::Sampled>(choice).soft = soft;
  };
  set_soft(model, 0);
  const auto batch = batch_of({{{3, 5}, {4}}});
  using M = RecurrentSeq2Seq<double>;

  struct Outcome {
    double nats;
    double chosen;
    M gradient;
  };
  // The probability of the first word is that of soft steps, which keep it in the history.
  const auto probability = [&](M m) {
    set_soft(m, 1);
    M::Workspace w;
    auto unused = attend::zero_like(m);
    Random random(1);
    m.loss_and_gradient(batch, 0, random, w, unused);
    return w.decoding.attention.history.weights.view()(0, 0);
  };
  const auto outcome = [&](const M& m, std::uint64_t seed, double scale) {
    M::Workspace w;
    Random random(seed);
    Outcome result{0, 0, attend::zero_like(m)};
    result.nats = m.loss_and_gradient(batch, scale, random, w, result.gradient).nats;
    result.chosen = w.decoding.attention.history.weights.view()(0, 0);
    return result;
  };
  std::uint64_t first = 1;
  while (outcome(model, first, 0).chosen != 1) ++first;
  std::uint64_t second = 1;
  while (outcome(model, second, 0).chosen != 0) ++second;

  const double p = probability(model);
  const auto one = outcome(model, first, 1);
  const auto other = outcome(model, second, 1);
  M gradient = attend::zero_like(model);
  attend::for_each_parameter(
      [&](std::string_view, auto& g, const auto& a, const auto& b) {
        attend::values(g) = p * attend::values(a) + (1 - p) * attend::values(b);
      },
      gradient, one.gradient, other.gradient);
  const auto expected_loss = [&](const M& m) {
    const double q = probability(m);
    return q * outcome(m, first, 0).nats + (1 - q) * outcome(m, second, 0).nats;
  };
  Random sample(8);
  const auto report =
      attend::check_parameters(model, gradient, expected_loss, {.sample = 6, .random = &sample});
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_GT(report.checked, 100);
}

TEST(Rewards, AreForTheWordsFromTheChoiceOn) {
  attend::Ragged layout(std::vector<Index>{2, 3});
  // Step-major: b1 b0 | b1 b0 | b1.
  const std::vector<double> losses = {1, 2, 3, 4, 5};
  attend::DecoderAttentionTrace<double> trace;
  // A word of the other sentence loses 3 in the mean, for both.
  attend::reward_objective<double>(layout, losses, 0.5, trace);
  EXPECT_EQ(trace.advantages, (std::vector<double>{0, 0, -1, -0.5, -1}));
  const std::vector<double> alone = {1, 2};
  attend::reward_objective<double>(attend::Ragged(std::vector<Index>{2}), alone, 1, trace);
  EXPECT_EQ(trace.advantages, (std::vector<double>{-3, -2}));
}

TEST(ObjectivesErrors, SayWhatIsWrong) {
  using reference::message_of;
  const auto copying = make<float>({.copies = true});
  const auto smooth = make<float>({.copies = true, .options = {.label_smoothing = 0.1}});
  RecurrentSeq2Seq<float>::Workspace workspace;
  auto gradient = attend::zero_like(copying);
  Random random(1);
  const SentencePair pair{{3, 4}, {4}, {5, 6}};
  const SentencePair without{{3, 4}, {4}};
  EXPECT_EQ(message_of([&] { (void)copying.loss(batch_of({without}), workspace); }),
            "Seq2Seq: the decoder copies words, and the pairs say none; fill "
            "SentencePair::copies");
  EXPECT_EQ(message_of([&] {
              smooth.loss_and_gradient(batch_of({pair}), 1, random, workspace, gradient);
            }),
            "Seq2Seq: label smoothing spreads over a vocabulary, and a decoder that copies has one "
            "for each source; set label_smoothing to 0");
  EXPECT_EQ(message_of<attend::ShapeError>([&] {
              batch_of({{{3, 4}, {4}, {5}}});
            }),
            "PairBatch: number of copies is 1, expected 2");
  EXPECT_EQ(message_of<attend::ShapeError>([&] {
              (void)copying.loss(batch_of({pair, without}), workspace);
            }),
            "Seq2Seq: number of copied words is 2, expected 4");
  EXPECT_EQ(message_of([&] {
              (void)copying.loss(batch_of({{{3}, {4}, {-1}}}), workspace);
            }),
            "CopiedWords: token -1 is negative");
  EXPECT_EQ(
      message_of([&] { make<float>({.order = attend::DecoderOrder::step_only, .copies = true}); }),
      "RecurrentDecoder: to copy words, and for losses on weights, it must attend; choose "
      "another order than step_only");

  attend::RecurrentMemory<float> memory;
  copying.remember(batch_of({pair}).source, workspace, memory);
  EXPECT_EQ(
      message_of([&] { (void)attend::greedy(copying.decoder, memory, {.start = 1, .end = 2}); }),
      "RecurrentDecoder::step: it copies, and the memory has no words; assign memory.words "
      "behind remember");

  using Tiles = attend::DecoderAttention<attend::Dot<float>>;
  EXPECT_EQ(message_of([] { Tiles().keep_weights(); }),
            "DecoderAttention: a loss on weights needs them by whole columns; use Sharpened{} as "
            "the alignment function, which is softmax by whole columns");
  const attend::RecurrentSeq2Seq<float> covers(copying.encoder, make<float>({}).decoder,
                                               {.coverage_loss = 1});
  auto its_gradient = attend::zero_like(covers);
  EXPECT_EQ(message_of([&] {
              RecurrentSeq2Seq<float>::Workspace own;
              covers.loss_and_gradient(batch_of({pair}), 1, random, own, its_gradient);
            }),
            "Seq2Seq: losses on weights and rewards need a recurrent decoder with keeps_weights");
}

}  // namespace
