#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/view/moses.hpp>

namespace {

using attend::AlignmentPoint;
using attend::from_moses;
using attend::hard_alignment;
using attend::Index;
using attend::Matrix;
using attend::to_moses;
using Points = std::vector<AlignmentPoint>;

Matrix<float> crossing() {
  Matrix<float> weights(3, 4);
  weights << 0.8f, 0.1f, 0.3f, 0.0f,  //
      0.1f, 0.2f, 0.4f, 0.1f,         //
      0.1f, 0.7f, 0.3f, 0.9f;
  return weights;
}

TEST(HardAlignment, IsTheMostAttendedWord) {
  EXPECT_EQ(to_moses(hard_alignment(crossing())), "0-0 2-1 1-2 2-3");
  EXPECT_EQ(to_moses(hard_alignment(crossing().cast<double>().eval())), "0-0 2-1 1-2 2-3");
}

TEST(HardAlignment, ThresholdLeavesWeakLinksOut) {
  EXPECT_EQ(to_moses(hard_alignment(crossing(), {.threshold = 0.5})), "0-0 2-1 2-3");
  EXPECT_EQ(to_moses(hard_alignment(crossing(), {.threshold = 1.5})), "");
}

TEST(HardAlignment, EndSymbolsHaveNoPoint) {
  EXPECT_EQ(to_moses(hard_alignment(crossing(), {.source_end = true})), "0-0 1-2");
  EXPECT_EQ(to_moses(hard_alignment(crossing(), {.target_end = true})), "0-0 2-1 1-2");
  EXPECT_EQ(to_moses(hard_alignment(crossing(), {.source_end = true, .target_end = true})),
            "0-0 1-2");
}

TEST(HardAlignment, AwkwardShapes) {
  EXPECT_TRUE(hard_alignment(Matrix<float>(0, 3)).empty());
  EXPECT_TRUE(hard_alignment(Matrix<float>(3, 0), {.target_end = true}).empty());
  EXPECT_TRUE(hard_alignment(Matrix<float>::Zero(3, 2)).empty()) << "a query that saw nothing";
  EXPECT_EQ(to_moses(hard_alignment(Matrix<double>::Ones(1, 1))), "0-0");
  EXPECT_EQ(to_moses(hard_alignment(Matrix<double>::Constant(2, 1, 0.5))), "0-0") << "the first";
  EXPECT_TRUE(hard_alignment(Matrix<double>::Ones(1, 1), {.source_end = true}).empty());
}

TEST(Moses, RoundTrip) {
  std::mt19937 random(9);
  for (int trial = 0; trial < 100; ++trial) {
    Points points(random() % 12);
    for (AlignmentPoint& point : points) {
      point = {.source = static_cast<Index>(random() % 200),
               .target = static_cast<Index>(random() % 200)};
    }
    ASSERT_EQ(from_moses(to_moses(points), "random"), points);
  }
}

TEST(Moses, ReadsSpacesAsTheyCome) {
  EXPECT_EQ(from_moses("", "a"), Points{});
  EXPECT_EQ(from_moses("  \r", "a"), Points{});
  EXPECT_EQ(from_moses(" 0-0\t10-2  3-3 \r", "a"), (Points{{0, 0}, {10, 2}, {3, 3}}));
}

TEST(Moses, WhatIsNoPointIsRefused) {
  for (const std::string bad :
       {"0", "0-", "-1", "-0-1", "0--1", "a-b", "0-1x", "0:1", "0-1-2", "99999999999999999999-0"}) {
    try {
      (void)from_moses("0-0 " + bad, "out.align", 7);
      ADD_FAILURE() << "nothing was thrown for " << bad;
    } catch (const attend::FormatError& error) {
      EXPECT_EQ(error.what(), "out.align: line 7, point 2: '" + bad +
                                  "' is no point, expected source-target such as 0-2");
    }
  }
}

}  // namespace
