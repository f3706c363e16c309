#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/count_operator_new.hpp"
#include <attend/core/ragged.hpp>
#include <attend/core/random.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Ragged;
using attend::Random;
using attend::ShapeError;
using attend::Token;
using attend::TokenBatch;
using Lengths = std::vector<Index>;

std::vector<Lengths> awkward_batches() {
  std::vector<Lengths> batches{{},        {0},          {0, 0, 0},       {1},       {5},
                               {1, 1, 1}, {0, 3, 0, 3}, {9, 8, 7, 1, 0}, {2, 3, 1}, {0, 1, 2, 3}};
  Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    Lengths lengths(static_cast<std::size_t>(random.below(20)));
    for (Index& length : lengths) length = random.below(1 + random.below(30));
    batches.push_back(lengths);
  }
  return batches;
}

TEST(Ragged, LaysOutTheExampleOfItsPage) {
  const Lengths lengths{2, 3, 1};
  const Ragged layout(lengths);
  EXPECT_EQ(layout.size(), 3);
  EXPECT_EQ(layout.columns(), 6);
  EXPECT_EQ(layout.steps(), 3);
  EXPECT_EQ(layout.column(1, 0), 0);
  EXPECT_EQ(layout.column(0, 0), 1);
  EXPECT_EQ(layout.column(2, 0), 2);
  EXPECT_EQ(layout.column(1, 1), 3);
  EXPECT_EQ(layout.column(0, 1), 4);
  EXPECT_EQ(layout.column(1, 2), 5);
  EXPECT_EQ(layout.start(0), 0);
  EXPECT_EQ(layout.start(1), 2);
  EXPECT_EQ(layout.start(2), 5);
}

TEST(Ragged, OfNothingIsEmpty) {
  for (const Ragged& layout : {Ragged(), Ragged(Lengths{})}) {
    EXPECT_EQ(layout.size(), 0);
    EXPECT_EQ(layout.columns(), 0);
    EXPECT_EQ(layout.steps(), 0);
  }
  const Ragged zeros(Lengths{0, 0});
  EXPECT_EQ(zeros.size(), 2);
  EXPECT_EQ(zeros.steps(), 0);
  EXPECT_EQ(zeros.columns(), 0);
  EXPECT_EQ(zeros.start(1), 0);
}

TEST(Ragged, EveryStepOfEverySequenceHasExactlyOneColumn) {
  for (const Lengths& lengths : awkward_batches()) {
    const Ragged layout(lengths);
    ASSERT_EQ(layout.size(), static_cast<Index>(lengths.size()));
    ASSERT_EQ(layout.columns(), std::accumulate(lengths.begin(), lengths.end(), Index{0}));
    std::vector<int> used(static_cast<std::size_t>(layout.columns()));
    for (Index b = 0; b < layout.size(); ++b) {
      ASSERT_EQ(layout.length(b), lengths[static_cast<std::size_t>(b)]);
      for (Index t = 0; t < layout.length(b); ++t) {
        ++used.at(static_cast<std::size_t>(layout.column(b, t)));
        EXPECT_LT(layout.rank(b), layout.count(t)) << "a running sequence is among the columns";
      }
    }
    EXPECT_TRUE(std::all_of(used.begin(), used.end(), [](int n) { return n == 1; }));
  }
}

TEST(Ragged, CountsFallAndSumToTheOffsets) {
  for (const Lengths& lengths : awkward_batches()) {
    const Ragged layout(lengths);
    const Index longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
    ASSERT_EQ(layout.steps(), longest);
    Index offset = 0;
    for (Index t = 0; t < layout.steps(); ++t) {
      EXPECT_EQ(layout.offset(t), offset);
      EXPECT_EQ(layout.count(t), std::count_if(lengths.begin(), lengths.end(),
                                               [&](Index length) { return length > t; }));
      if (t > 0) {
        EXPECT_LE(layout.count(t), layout.count(t - 1));
      }
      offset += layout.count(t);
    }
    EXPECT_EQ(offset, layout.columns());
  }
}

TEST(Ragged, RanksByFallingLengthAndTiesKeepTheirOrder) {
  for (const Lengths& lengths : awkward_batches()) {
    const Ragged layout(lengths);
    for (Index r = 0; r < layout.size(); ++r) {
      EXPECT_EQ(layout.rank(layout.sequence(r)), r);
      if (r == 0) continue;
      const Index before = layout.sequence(r - 1);
      const Index here = layout.sequence(r);
      EXPECT_GE(layout.length(before), layout.length(here));
      if (layout.length(before) == layout.length(here)) {
        EXPECT_LT(before, here);
      }
    }
  }
}

TEST(Ragged, SequencesStandSideBySideSentenceMajor) {
  for (const Lengths& lengths : awkward_batches()) {
    const Ragged layout(lengths);
    Index start = 0;
    for (Index b = 0; b < layout.size(); ++b) {
      EXPECT_EQ(layout.start(b), start);
      start += layout.length(b);
    }
    EXPECT_EQ(start, layout.columns());
  }
}

TEST(Ragged, AssignForgetsWhatWasBefore) {
  Ragged reused;
  for (const Lengths& lengths : awkward_batches()) {
    reused.assign(lengths);
    const Ragged fresh(lengths);
    ASSERT_EQ(reused.columns(), fresh.columns());
    ASSERT_EQ(reused.steps(), fresh.steps());
    for (Index b = 0; b < fresh.size(); ++b) {
      EXPECT_EQ(reused.rank(b), fresh.rank(b));
      EXPECT_EQ(reused.start(b), fresh.start(b));
    }
    for (Index t = 0; t < fresh.steps(); ++t) EXPECT_EQ(reused.offset(t), fresh.offset(t));
  }
}

TEST(Ragged, AssignsSmallerBatchesWithoutAllocation) {
  const Lengths large{9, 30, 7, 7, 0, 12};
  const Lengths smaller[] = {{30, 1}, {5, 4, 3, 2, 1, 0}, {}, {9, 30, 7, 7, 0, 12}};
  Ragged layout(large);
  const int before = reference::news;
  for (const Lengths& lengths : smaller) layout.assign(lengths);
  EXPECT_EQ(reference::news, before);
}

TEST(Ragged, RefusesALengthBelowZero) {
  try {
    const Ragged layout(Lengths{3, -1});
    FAIL() << "nothing was thrown";
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(), "Ragged: a length is -1, expected 0 or more");
  }
}

TEST(TokenBatch, PutsEveryTokenInItsColumn) {
  TokenBatch reused;
  for (const Lengths& lengths : awkward_batches()) {
    std::vector<std::vector<Token>> sequences;
    for (const Index length : lengths) {
      auto& sequence = sequences.emplace_back();
      for (Index t = 0; t < length; ++t) {
        sequence.push_back(static_cast<Token>(100 * sequences.size()) + static_cast<Token>(t));
      }
    }
    reused.assign(sequences);
    const TokenBatch batch(sequences);
    EXPECT_EQ(batch.tokens, reused.tokens);
    ASSERT_EQ(batch.layout.size(), static_cast<Index>(sequences.size()));
    for (Index b = 0; b < batch.layout.size(); ++b) {
      const auto& sequence = sequences[static_cast<std::size_t>(b)];
      for (Index t = 0; t < batch.layout.length(b); ++t) {
        EXPECT_EQ(batch.step(t)[static_cast<std::size_t>(batch.layout.rank(b))],
                  sequence[static_cast<std::size_t>(t)]);
      }
    }
    for (Index t = 0; t < batch.layout.steps(); ++t) {
      EXPECT_EQ(static_cast<Index>(batch.step(t).size()), batch.layout.count(t));
    }
  }
}

TEST(TokenBatch, AssignsSmallerBatchesWithoutAllocation) {
  const std::vector<std::vector<Token>> large{{1, 2, 3}, {4, 5, 6, 7}, {8}};
  const std::vector<std::vector<Token>> small{{1}, {2, 3}};
  TokenBatch batch(large);
  const int before = reference::news;
  batch.assign(small);
  batch.assign(large);
  EXPECT_EQ(reference::news, before);
}

template <class S>
class Orders : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Orders, Scalars);

TYPED_TEST(Orders, GoToSentencesAndBack) {
  using M = Matrix<TypeParam>;
  for (const Index d : {0, 1, 5}) {
    for (const Lengths& lengths : awkward_batches()) {
      const Ragged layout(lengths);
      const M X = M::Random(d, layout.columns());
      M Y = M::Constant(d, layout.columns(), 77);
      attend::to_sentence_major<TypeParam>(layout, X, Y);
      for (Index b = 0; b < layout.size(); ++b) {
        for (Index t = 0; t < layout.length(b); ++t) {
          ASSERT_EQ(Y.col(layout.start(b) + t), X.col(layout.column(b, t)));
        }
      }
      M again = M::Constant(d, layout.columns(), 77);
      attend::to_step_major<TypeParam>(layout, Y, again);
      ASSERT_EQ(again, X);
    }
  }
}

TYPED_TEST(Orders, WriteOnlyTheirBlock) {
  using M = Matrix<TypeParam>;
  const Ragged layout(Lengths{1, 3});
  M source = M::Random(5, 6);
  M target = M::Constant(5, 6, 9);
  attend::to_sentence_major<TypeParam>(layout, source.block(1, 1, 3, 4), target.block(1, 1, 3, 4));
  EXPECT_EQ(target.row(0), M::Constant(1, 6, 9));
  EXPECT_EQ(target.row(4), M::Constant(1, 6, 9));
  EXPECT_EQ(target.col(0), M::Constant(5, 1, 9));
  EXPECT_EQ(target.col(5), M::Constant(5, 1, 9));
  EXPECT_EQ(target.block(1, 1, 3, 1), source.block(1, 2, 3, 1)) << "the first step of the shorter";
}

template <class Action>
std::string shape_error(Action action) {
  try {
    action();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TYPED_TEST(Orders, SayWhichShapeIsWrong) {
  using M = Matrix<TypeParam>;
  const Ragged layout(Lengths{1, 3});
  M four(2, 4);
  M five(2, 5);
  M tall(3, 4);
  const auto sentence_major = [&](M& X, M& Y) {
    return shape_error([&] { attend::to_sentence_major<TypeParam>(layout, X, Y); });
  };
  const auto step_major = [&](M& Y, M& X) {
    return shape_error([&] { attend::to_step_major<TypeParam>(layout, Y, X); });
  };
  EXPECT_EQ(sentence_major(five, four), "to_sentence_major: X is (2 x 5), expected (2 x 4)");
  EXPECT_EQ(sentence_major(four, five), "to_sentence_major: Y is (2 x 5), expected (2 x 4)");
  EXPECT_EQ(sentence_major(four, tall), "to_sentence_major: X is (2 x 4), expected (3 x 4)");
  EXPECT_EQ(step_major(five, four), "to_step_major: Y is (2 x 5), expected (2 x 4)");
  EXPECT_EQ(step_major(four, five), "to_step_major: X is (2 x 5), expected (2 x 4)");
}

}  // namespace
