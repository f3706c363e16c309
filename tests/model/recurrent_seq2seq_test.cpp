#include <reference/message_of.hpp>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <attend/model/recurrent_seq2seq.hpp>

namespace {

using attend::CellKind;
using attend::Random;
using attend::RecurrentSeq2SeqConfig;
using attend::ScoreKind;

std::string config_error(const RecurrentSeq2SeqConfig& config) {
  Random random(1);
  return reference::message_of(
      [&] { (void)attend::make_recurrent_seq2seq<float>(config, random); });
}

TEST(MakeRecurrentSeq2Seq, RefusesSizesThatAreNone) {
  EXPECT_EQ(config_error({.source_vocabulary = 5, .target_vocabulary = 5, .hidden = 0}),
            "make_recurrent_seq2seq: layers, hidden and embedding are 1, 0, 256, expected 1 or "
            "more");
  EXPECT_EQ(config_error({.source_vocabulary = 5, .target_vocabulary = 5}), "nothing was thrown");
}

TEST(MakeRecurrentSeq2Seq, MakesEveryChoice) {
  for (const CellKind cell : {CellKind::gru, CellKind::lstm, CellKind::rnn}) {
    for (int kind = 0; kind <= static_cast<int>(ScoreKind::coverage); ++kind) {
      const auto score = static_cast<ScoreKind>(kind);
      Random random(1);
      const auto model = attend::make_recurrent_seq2seq<float>({.source_vocabulary = 7,
                                                                .target_vocabulary = 6,
                                                                .embedding = 3,
                                                                .hidden = 4,
                                                                .cell = cell,
                                                                .attention = {.score = score}},
                                                               random);
      const bool sums = attend::compares_as_they_are(score);
      EXPECT_EQ(model.encoder.annotation_size(), sums ? 4 : 8);
      EXPECT_EQ(model.encoder.vocabulary_size(), 7);
      EXPECT_EQ(model.decoder.vocabulary_size(), 6);
    }
  }
}

/// What a short batch costs, by every alignment function; its gradient is a number.
TEST(MakeRecurrentSeq2Seq, LearnsWithEveryAlignmentFunctionAndWindow) {
  using attend::AlignmentKind, attend::WindowKind;
  const attend::SentencePair pair{{3, 4, 5, 2}, {4, 3, 2}};
  attend::PairBatch batch;
  const std::vector<const attend::SentencePair*> pairs = {&pair, &pair};
  batch.assign(pairs);
  for (int kind = 0; kind <= static_cast<int>(AlignmentKind::local_predictive); ++kind) {
    for (const auto window : {WindowKind::full, WindowKind::local, WindowKind::causal_local}) {
      Random random(1);
      const auto model = attend::make_recurrent_seq2seq<float>(
          {.source_vocabulary = 7,
           .target_vocabulary = 6,
           .embedding = 3,
           .hidden = 4,
           .attention = {.window = window,
                         .alignment = static_cast<AlignmentKind>(kind),
                         .reach = 1}},
          random);
      typename std::remove_const_t<decltype(model)>::Workspace workspace;
      auto gradient = attend::zero_like(model);
      const auto loss = model.loss_and_gradient(batch, 1, random, workspace, gradient);
      EXPECT_GT(loss.nats, 0);
      const double norm = attend::squared_norm(gradient);
      EXPECT_TRUE(std::isfinite(norm) && norm > 0) << kind;
    }
  }
}

}  // namespace
