#include <cmath>
#include <limits>
#include <reference/matrices.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>
#include <attend/loss/cross_entropy.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Buffer;
using attend::ConstView;
using attend::Index;
using attend::Loss;
using attend::Matrix;
using attend::Random;
using attend::Token;
using attend::Vector;
using attend::View;
using reference::random_matrix;

const Index awkward[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65, 1000};

/// -sum_v q_v log p_v by its definition.
template <class S>
long double defined_loss(const Vector<S>& l, Token target, long double epsilon) {
  const auto V = static_cast<long double>(l.size());
  long double largest = l(0);
  for (Index v = 1; v < l.size(); ++v) largest = std::max<long double>(largest, l(v));
  long double sum = 0;
  for (Index v = 0; v < l.size(); ++v) sum += std::exp(l(v) - largest);
  long double loss = 0;
  for (Index v = 0; v < l.size(); ++v) {
    const long double q = (v == target ? 1 - epsilon : 0) + epsilon / V;
    if (q > 0) loss -= q * (l(v) - largest - std::log(sum));
  }
  return loss;
}

template <class S>
S loss_of(const Vector<S>& l, Token target, double epsilon) {
  return attend::cross_entropy<S>(l.size(), l.data(), target, static_cast<S>(epsilon));
}

template <class S>
Vector<S> gradient_of(Vector<S> l, Token target, double epsilon, double scale) {
  const S loss = loss_of(l, target, epsilon);
  const S same = attend::cross_entropy_in_place<S>(l.size(), l.data(), target,
                                                   static_cast<S>(epsilon), static_cast<S>(scale));
  EXPECT_TRUE(reference::same_bits(1, &same, &loss)) << same << " beside " << loss;
  return l;
}

template <class S>
class CrossEntropy : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(CrossEntropy, Scalars);

TYPED_TEST(CrossEntropy, IsItsDefinition) {
  using S = TypeParam;
  Random random(1);
  for (const Index V : awkward) {
    for (const double epsilon : {0.0, 0.1, 0.9}) {
      for (const double size : {1.0, 30.0, 1e4}) {
        const Vector<S> l = random_matrix<S>(random, V, 1, size);
        const auto target = static_cast<Token>(random.below(V));
        const auto e = static_cast<S>(epsilon);
        EXPECT_NEAR(loss_of<S>(l, target, epsilon), static_cast<double>(defined_loss(l, target, e)),
                    8 * size * std::numeric_limits<S>::epsilon() * (1 + std::log(V)))
            << V << " words, logits to " << size << ", smoothing " << epsilon;
      }
    }
  }
}

TYPED_TEST(CrossEntropy, OfOppositeExtremesIsExact) {
  using S = TypeParam;
  Vector<S> l = Vector<S>::Constant(33, S(-1e4));
  l(20) = S(1e4);
  EXPECT_EQ(loss_of<S>(l, 20, 0), 0);
  EXPECT_EQ(loss_of<S>(l, 3, 0), 20000);
  EXPECT_TRUE((gradient_of<S>(l, 20, 0, 1).isZero(S(1e-30))));
  const Vector<S> wrong = gradient_of<S>(l, 3, 0, 1);
  EXPECT_EQ(wrong(20), 1);
  EXPECT_EQ(wrong(3), -1);
}

TYPED_TEST(CrossEntropy, TakesLogitsOfMinusInfinityForImpossibleWords) {
  using S = TypeParam;
  Random random(2);
  const S never = -std::numeric_limits<S>::infinity();
  for (const Index V : {3, 17, 64}) {
    Vector<S> l = random_matrix<S>(random, V, 1);
    l(0) = never;
    l(V - 1) = never;
    EXPECT_NEAR(loss_of<S>(l, 1, 0), static_cast<double>(defined_loss(l, 1, 0)), 1e-6);
    const Vector<S> d = gradient_of<S>(l, 1, 0, 1);
    EXPECT_TRUE(d.allFinite());
    EXPECT_NEAR(d(0), 0, 1e-30);
    EXPECT_NEAR(d(V - 1), 0, 1e-30);
    EXPECT_EQ(loss_of<S>(l, 0, 0), std::numeric_limits<S>::infinity());
  }
}

TYPED_TEST(CrossEntropy, OfOneWordIsNothing) {
  const Vector<TypeParam> l = Vector<TypeParam>::Constant(1, TypeParam(3.5));
  EXPECT_EQ(loss_of<TypeParam>(l, 0, 0), 0);
  EXPECT_EQ((gradient_of<TypeParam>(l, 0, 0, 2)(0)), 0);
}

TYPED_TEST(CrossEntropy, HasTheSameBitsWhereverItStands) {
  using S = TypeParam;
  Random random(3);
  for (const Index V : {5, 17, 65, 1001}) {
    const Vector<S> l = random_matrix<S>(random, V, 1, 30).array() + 100;
    for (const double epsilon : {0.0, 0.1, 0.9}) {
      const S expected = loss_of<S>(l, 2, epsilon);
      const Vector<S> d_expected = gradient_of<S>(l, 2, epsilon, 1);
      Vector<S> room(V + 16);
      for (Index offset = 0; offset < 16; ++offset) {
        room.segment(offset, V) = l;
        const S loss = attend::cross_entropy_in_place<S>(V, room.data() + offset, 2,
                                                         static_cast<S>(epsilon), S{1});
        ASSERT_TRUE(reference::same_bits(1, &loss, &expected)) << V << " words at " << offset;
        ASSERT_TRUE(reference::same_bits(V, room.data() + offset, d_expected.data()));
      }
    }
  }
}

TYPED_TEST(CrossEntropy, HasAGradientThatSumsToZero) {
  using S = TypeParam;
  Random random(4);
  for (const Index V : awkward) {
    const Vector<S> d = gradient_of<S>(random_matrix<S>(random, V, 1, 5), 0, 0.1, 3);
    EXPECT_NEAR(d.sum(), 0, 100 * std::numeric_limits<S>::epsilon()) << V;
  }
}

TYPED_TEST(CrossEntropy, RefusesAWordOutsideTheVocabulary) {
  const Vector<TypeParam> l = Vector<TypeParam>::Zero(7);
  for (const Token target : {-1, 7}) {
    try {
      (void)loss_of<TypeParam>(l, target, 0);
      FAIL();
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "cross_entropy: target " + std::to_string(target) +
                                  " is outside the vocabulary of 7 words");
    }
  }
}

TEST(CrossEntropyBackward, IsTheDerivativeTimesScale) {
  Random random(5);
  for (const Index V : {1, 2, 9, 17, 31}) {
    for (const double epsilon : {0.0, 0.1}) {
      const Vector<double> l = random_matrix<double>(random, V, 1, 2);
      const auto target = static_cast<Token>(V / 2);
      const auto report = attend::check_input(
          "l", l, gradient_of(l, target, epsilon, 0.25),
          [&](const auto& x) { return 0.25 * loss_of<double>(x, target, epsilon); });
      EXPECT_TRUE(report.passed()) << report.message();
    }
  }
}

/// The logits are the readouts themselves.
struct Tiles {
  Buffer<double> tile;
  std::vector<Index> firsts;
  Matrix<double> gradient;

  Loss run(const Matrix<double>& R, const std::vector<Token>& targets, double epsilon,
           double scale) {
    firsts.clear();
    gradient = Matrix<double>::Zero(R.rows(), R.cols());
    return attend::tiled_cross_entropy<double>(
        R.rows(), R, targets, epsilon, scale, tile,
        [](ConstView<double> from, View<double> L) { L = from; },
        [&](Index first, Index n, View<double> dL) {
          firsts.push_back(first);
          ASSERT_EQ(dL.cols(), n);
          gradient.middleCols(first, n) = dL;
        });
  }
};

std::vector<Token> random_targets(Random& random, Index N, Index V) {
  std::vector<Token> targets;
  for (Index n = 0; n < N; ++n) targets.push_back(static_cast<Token>(random.below(V)));
  return targets;
}

TEST(TiledCrossEntropy, IsTheSumOverItsColumnsWhateverTheTiles) {
  Random random(6);
  Tiles tiles;
  for (const Index N : {0, 1, 95, 96, 97, 192, 193}) {
    const Matrix<double> R = random_matrix<double>(random, 11, N, 3);
    const std::vector<Token> targets = random_targets(random, N, 11);
    const Loss loss = tiles.run(R, targets, 0.1, 0.5);
    double nats = 0;
    for (Index n = 0; n < N; ++n) {
      const Token target = targets[static_cast<std::size_t>(n)];
      nats += loss_of<double>(R.col(n), target, 0.1);
      ASSERT_EQ(tiles.gradient.col(n), gradient_of<double>(R.col(n), target, 0.1, 0.5)) << n;
    }
    EXPECT_EQ(loss.nats, nats);
    EXPECT_EQ(loss.tokens, N);
    EXPECT_EQ(std::ssize(tiles.firsts), (N + 95) / 96);
    EXPECT_LE(tiles.tile.cols(), attend::cross_entropy_tile);
  }
}

TEST(TiledCrossEntropy, WithoutAScaleAsksForNoGradient) {
  Random random(7);
  Tiles tiles;
  const Matrix<double> R = random_matrix<double>(random, 5, 100);
  const auto targets = random_targets(random, 100, 5);
  const Loss loss = tiles.run(R, targets, 0, 0);
  EXPECT_TRUE(tiles.firsts.empty());
  EXPECT_EQ(loss.nats, tiles.run(R, targets, 0, 1).nats);
}

TEST(TiledCrossEntropy, RefusesTargetsThatAreNotOneAColumn) {
  Tiles tiles;
  try {
    (void)tiles.run(Matrix<double>::Zero(5, 3), {1, 2}, 0, 0);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "tiled_cross_entropy: columns of R is 3, expected 2");
  }
}

}  // namespace
