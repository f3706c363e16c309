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
  try {
    (void)attend::make_recurrent_seq2seq<float>(config, random);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(MakeRecurrentSeq2Seq, RefusesSizesThatAreNone) {
  EXPECT_EQ(config_error({.source_vocabulary = 5, .target_vocabulary = 5, .hidden = 0}),
            "make_recurrent_seq2seq: layers, hidden and embedding are 1, 0, 256, expected 1 or "
            "more");
  EXPECT_EQ(config_error({.source_vocabulary = 5, .target_vocabulary = 5}), "nothing");
}

TEST(MakeRecurrentSeq2Seq, MakesEveryChoice) {
  for (const CellKind cell : {CellKind::gru, CellKind::lstm, CellKind::rnn}) {
    for (const ScoreKind score : {ScoreKind::additive, ScoreKind::dot, ScoreKind::general,
                                  ScoreKind::concat, ScoreKind::scaled_dot}) {
      Random random(1);
      const auto model = attend::make_recurrent_seq2seq<float>({.source_vocabulary = 7,
                                                                .target_vocabulary = 6,
                                                                .embedding = 3,
                                                                .hidden = 4,
                                                                .cell = cell,
                                                                .score = score},
                                                               random);
      const bool sums = score == ScoreKind::dot || score == ScoreKind::scaled_dot;
      EXPECT_EQ(model.encoder.annotation_size(), sums ? 4 : 8);
      EXPECT_EQ(model.encoder.vocabulary_size(), 7);
      EXPECT_EQ(model.decoder.vocabulary_size(), 6);
    }
  }
}

}  // namespace
