#include <cmath>
#include <limits>
#include <reference/message_of.hpp>
#include <string>

#include <gtest/gtest.h>

#include <attend/view/word_alignment.hpp>

namespace {

using attend::Matrix;
using attend::WordAlignment;
using reference::message_of;

TEST(WordAlignment, TakesFloatAndDoubleAndBlocksOfThem) {
  const Matrix<float> single = Matrix<float>::Constant(5, 4, 0.25f);
  const WordAlignment a({"ein", "Haus"}, {"a", "house", "."}, single.block(1, 0, 2, 3));
  EXPECT_EQ(a.weights(), Matrix<double>::Constant(2, 3, 0.25));
  EXPECT_EQ(a.source()[1], "Haus");
  EXPECT_EQ(a.target()[1], "house");
  const Matrix<double> twofold = Matrix<double>::Constant(1, 1, 0.1);
  EXPECT_EQ(WordAlignment({"x"}, {"y"}, twofold).weights()(0, 0), 0.1);
}

TEST(WordAlignment, OutlivesItsWeights) {
  Matrix<float> weights = Matrix<float>::Ones(1, 1);
  const WordAlignment a({"x"}, {"y"}, weights);
  weights.setZero();
  EXPECT_EQ(a.weights()(0, 0), 1);
}

TEST(WordAlignment, MayBeEmpty) {
  const Matrix<float> none(0, 0);
  EXPECT_EQ(WordAlignment({}, {}, none).weights().size(), 0);
  EXPECT_EQ(WordAlignment({}, {"a"}, Matrix<float>(0, 1)).weights().cols(), 1);
}

TEST(WordAlignment, SizesThatDisagreeAreRefused) {
  EXPECT_EQ(message_of<attend::ShapeError>([] {
              (void)WordAlignment({"ein", "Haus"}, {"a"}, Matrix<float>::Zero(1, 2).eval());
            }),
            "WordAlignment: weights is (1 x 2), expected (2 x 1)");
}

TEST(WordAlignment, WeightsThatAreNoNumbersAreRefused) {
  Matrix<double> weights = Matrix<double>::Zero(2, 1);
  weights(1, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              (void)WordAlignment({"a", "b"}, {"c"}, weights);
            }),
            "WordAlignment: weight (1, 0) is nan, expected a finite number");
}

}  // namespace
