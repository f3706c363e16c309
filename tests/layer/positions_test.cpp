#include <cmath>
#include <complex>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/layer/positions.hpp>
#include <attend/layer/rotary.hpp>
#include <attend/layer/token_input.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::PositionKind;
using attend::Positions;
using attend::Ragged;
using attend::Random;
using attend::Rotary;
using attend::RotaryPairs;
using attend::RotaryTable;
using reference::random_matrix;
using reference::same_bits;

const Ragged layout(std::vector<Index>{3, 0, 7, 1});

template <class S>
class PositionTables : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(PositionTables, Scalars);

TYPED_TEST(PositionTables, AreSinesAndCosines) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 5, 6}) {
    const Positions<S> positions({.size = d}, random);
    attend::SinusoidTable<S> table;
    Matrix<S> X = Matrix<S>::Zero(d, layout.columns());
    positions.forward(layout, X, table);
    for (Index b = 0; b < layout.size(); ++b) {
      for (Index t = 0; t < layout.length(b); ++t) {
        for (Index i = 0; i < d; ++i) {
          const double pair = static_cast<double>(i / 2);
          const double angle =
              static_cast<double>(t) / std::pow(10000, 2 * pair / static_cast<double>(d));
          const double expected = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
          EXPECT_NEAR(X(i, layout.start(b) + t), expected, 1e-6) << i << " " << t;
        }
      }
    }
    Matrix<S> step = Matrix<S>::Zero(d, 2);
    positions.step(40, step, table);
    EXPECT_TRUE(same_bits(Matrix<S>(step.col(0)), Matrix<S>(step.col(1))));
    positions.step(6, step, table);
    Matrix<S> again = Matrix<S>::Zero(d, 2);
    positions.step(6, again, table);
    EXPECT_TRUE(same_bits(Matrix<S>(again.col(0)), Matrix<S>(X.col(layout.start(2) + 6))));
  }
}

TEST(Positions, LearnWhatTheyAdd) {
  Random random(2);
  const Positions<double> positions({.size = 3, .kind = PositionKind::learned, .longest = 8},
                                    random);
  attend::SinusoidTable<double> unused;
  Matrix<double> X = Matrix<double>::Zero(3, layout.columns());
  positions.forward(layout, X, unused);
  EXPECT_EQ(Matrix<double>(X.middleCols(layout.start(2), 7)),
            Matrix<double>(positions.P->leftCols(7)));
  Positions<double> gradient = zero_like(positions);
  const auto dX = random_matrix<double>(random, 3, layout.columns());
  positions.backward(layout, dX, gradient);
  positions.backward(layout, dX, gradient);
  const Matrix<double> first =
      2 * (dX.col(layout.start(0)) + dX.col(layout.start(2)) + dX.col(layout.start(3)));
  EXPECT_LT((gradient.P->col(0) - first).cwiseAbs().maxCoeff(), 1e-15);
  EXPECT_EQ(gradient.P->col(7).norm(), 0);
  Matrix<double> step(3, 1);
  try {
    positions.step(8, step, unused);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "Positions: a sequence has 9 steps, the learned table 8; make a longer one or "
                 "cut the text");
  }
}

TEST(Positions, AddNothingWhereNothingIsAsked) {
  Random random(2);
  attend::SinusoidTable<double> unused;
  for (const auto kind : {PositionKind::none, PositionKind::rotary}) {
    const Positions<double> positions({.size = 3, .kind = kind}, random);
    Matrix<double> X = Matrix<double>::Zero(3, layout.columns());
    positions.forward(layout, X, unused);
    positions.step(3, X, unused);
    EXPECT_EQ(X.norm(), 0);
  }
}

/// A pair of features is a complex number that is multiplied by e^(i angle).
TYPED_TEST(PositionTables, TurnPairs) {
  using S = TypeParam;
  Random random(3);
  for (const auto pairs : {RotaryPairs::halves, RotaryPairs::neighbours}) {
    const Rotary<S> rotary({.size = 6, .base = 100, .pairs = pairs});
    RotaryTable<S> table;
    const Matrix<S> X = random_matrix<S>(random, 12, layout.columns());
    Matrix<S> Y = X;
    rotary.forward(layout, Y, table);
    const Index b = 2;
    for (Index t = 0; t < layout.length(b); ++t) {
      const Index n = layout.start(b) + t;
      for (Index head = 0; head < 12; head += 6) {
        for (Index i = 0; i < 3; ++i) {
          const bool halves = pairs == RotaryPairs::halves;
          const Index one = head + (halves ? i : 2 * i);
          const Index two = one + (halves ? 3 : 1);
          const double angle =
              static_cast<double>(t) * std::pow(100, -2 * static_cast<double>(i) / 6);
          const std::complex<double> turned =
              std::complex<double>(X(one, n), X(two, n)) * std::polar(1.0, angle);
          EXPECT_NEAR(Y(one, n), turned.real(), 1e-6);
          EXPECT_NEAR(Y(two, n), turned.imag(), 1e-6);
        }
      }
      Matrix<S> step = X.col(n);
      rotary.step(t, step, table);
      EXPECT_TRUE(same_bits(step, Matrix<S>(Y.col(n))));
    }
    rotary.backward(layout, Y, table);
    EXPECT_LT((Y - X).cwiseAbs().maxCoeff(), 1e-6) << "a turn's transpose is its inverse";
  }
}

TEST(Rotary, LeavesDistancesToInnerProducts) {
  Random random(4);
  const Rotary<double> rotary({.size = 8});
  RotaryTable<double> table;
  const Matrix<double> q = random_matrix<double>(random, 8, 1);
  const Matrix<double> k = random_matrix<double>(random, 8, 1);
  const auto product = [&](Index at_q, Index at_k) {
    Matrix<double> turned_q = q;
    Matrix<double> turned_k = k;
    rotary.step(at_q, turned_q, table);
    rotary.step(at_k, turned_k, table);
    return turned_q.col(0).dot(turned_k.col(0));
  };
  for (const Index shift : {1, 30, 700}) {
    EXPECT_NEAR(product(5 + shift, 2 + shift), product(5, 2), 1e-12);
  }
  EXPECT_GT(std::abs(product(6, 2) - product(5, 2)), 1e-3);
}

TEST(Rotary, TurnsNoOddHead) {
  try {
    (void)Rotary<float>({.size = 5});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "Rotary: the size of a head is 5, expected an even number: features turn in "
                 "pairs");
  }
}

/// Sentence-major: each token's vector, times the root of its size, and its position's.
TEST(TokenInput, IsItsEquation) {
  Random random(5);
  const attend::Embedding<double> words({.vocabulary = 6, .size = 4}, random);
  const attend::TokenInput<double> input({.size = 4}, 0.5, random);
  const std::vector<std::vector<attend::Token>> sentences = {{5, 1}, {}, {0, 2, 3, 2}};
  const attend::TokenBatch batch(sentences);
  attend::TokenInputTrace<double> trace;
  Matrix<double> X(4, 6);
  input.forward(words, batch, nullptr, X, trace);
  attend::SinusoidTable<double> table;
  const Matrix<double> P = table.columns(4, 4);
  Index n = 0;
  for (const auto& sentence : sentences) {
    for (std::size_t t = 0; t < sentence.size(); ++t, ++n) {
      const Matrix<double> expected = 2 * words.E.col(sentence[t]) + P.col(static_cast<Index>(t));
      EXPECT_LT((X.col(n) - expected).norm(), 1e-15);
      Matrix<double> step(4, 1);
      input.step(words, std::span(&sentence[t], 1), static_cast<Index>(t), step, trace);
      EXPECT_TRUE(same_bits(step, Matrix<double>(X.col(n))));
    }
  }
  Matrix<double> dropped(4, 6);
  input.forward(words, batch, &random, dropped, trace);
  EXPECT_GT((dropped.array() == 0).count(), 2) << "dropout is on inputs";
}

}  // namespace
