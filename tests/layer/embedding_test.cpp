#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include "reference/message_of.hpp"
#include <attend/layer/embedding.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Embedding;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::Token;
using reference::random_matrix;

template <class S>
class EmbeddingLayer : public testing::Test {
 protected:
  Random random{1};
  Embedding<S> words{{.vocabulary = 6, .size = 9}, random};
  std::vector<Token> tokens{4, 0, 4, 5};
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(EmbeddingLayer, Scalars);

TYPED_TEST(EmbeddingLayer, GathersColumns) {
  Matrix<TypeParam> X(9, 4);
  this->words.forward(this->tokens, X);
  for (Index n = 0; n < 4; ++n) {
    EXPECT_EQ(X.col(n), this->words.E.col(this->tokens[static_cast<std::size_t>(n)]));
  }
  Matrix<TypeParam> none(9, 0);
  this->words.forward({}, none);
}

TYPED_TEST(EmbeddingLayer, AddsToTheColumnsOfItsTokensOnly) {
  using S = TypeParam;
  const auto dX = random_matrix<S>(this->random, 9, 4);
  Embedding<S> gradient = zero_like(this->words);
  gradient.E.col(5).setConstant(S{1});
  Embedding<S>::backward(this->tokens, dX, gradient);
  EXPECT_EQ(gradient.E.col(4), dX.col(0) + dX.col(2)) << "a word met twice";
  EXPECT_EQ(gradient.E.col(0), dX.col(1));
  EXPECT_TRUE(gradient.E.col(5).isApprox(dX.col(3) + attend::Vector<S>::Ones(9)));
  for (const Index other : {1, 2, 3}) EXPECT_EQ(gradient.E.col(other).norm(), S{0});
}

TYPED_TEST(EmbeddingLayer, RefusesWordsItDoesNotKnow) {
  Matrix<TypeParam> X(9, 2);
  for (const Token wrong : {Token{6}, Token{-1}}) {
    try {
      this->words.forward(std::vector<Token>{0, wrong}, X);
      FAIL();
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(std::string(e.what()), "Embedding::forward: token " + std::to_string(wrong) +
                                           " is outside the vocabulary of 6 words");
    }
  }
}

TYPED_TEST(EmbeddingLayer, RefusesOtherShapes) {
  Matrix<TypeParam> X(9, 3);
  try {
    this->words.forward(this->tokens, X);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "Embedding::forward: X is (9 x 3), expected (9 x 4)");
  }
  try {
    auto gradient = attend::zero_like(this->words);
    Embedding<TypeParam>::backward(this->tokens, X, gradient);
    FAIL();
  } catch (const attend::ShapeError& e) {
    EXPECT_STREQ(e.what(), "Embedding::backward: dX is (9 x 3), expected (9 x 4)");
  }
}

TYPED_TEST(EmbeddingLayer, RefusesNegativeSizes) {
  const auto made_with = [&](Index vocabulary, Index size) {
    return reference::message_of(
        [&] { Embedding<TypeParam>({.vocabulary = vocabulary, .size = size}, this->random); });
  };
  const std::string expected =
      "expected sizes of 0 or more; look at the sizes that its layer was made with";
  EXPECT_EQ(made_with(-3, 4), "Embedding: it would be (4 x -3), " + expected);
  EXPECT_EQ(made_with(3, -4), "Embedding: it would be (-4 x 3), " + expected);
}

TYPED_TEST(EmbeddingLayer, BeginsWithTheDeviationItIsGiven) {
  for (const double deviation : {1.0, 0.1}) {
    const Embedding<TypeParam> many({.vocabulary = 400, .size = 100, .deviation = deviation},
                                    this->random);
    EXPECT_NEAR(std::sqrt(many.E.squaredNorm() / 4e4), deviation, 0.02 * deviation);
  }
}

TEST(EmbeddingGradient, IsThatOfTheLookUp) {
  Random random(3);
  const Embedding<double> words({.vocabulary = 5, .size = 3}, random);
  const std::vector<Token> tokens{1, 3, 1, 1, 0};
  const auto weights = random_matrix<double>(random, 3, 5);
  const auto loss = [&](const Embedding<double>& e) {
    Matrix<double> X(3, 5);
    e.forward(tokens, X);
    return (weights.array() * X.array().square()).sum();
  };
  Matrix<double> X(3, 5);
  words.forward(tokens, X);
  auto gradient = zero_like(words);
  Embedding<double>::backward(tokens, (2 * weights.array() * X.array()).matrix().eval(), gradient);
  const auto report = attend::check_parameters(words, gradient, loss);
  EXPECT_TRUE(report.passed()) << report.message();
}

}  // namespace
