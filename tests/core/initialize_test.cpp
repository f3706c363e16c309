#include <cmath>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/core/initialize.hpp>
#include <attend/kernel/panel_matrix.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::PanelMatrix;
using attend::Random;
using attend::Vector;
using reference::same_bits;

template <class S>
class Initialize : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Initialize, Scalars);

TYPED_TEST(Initialize, UniformFillsItsBounds) {
  using S = TypeParam;
  Random random(1);
  Matrix<S> W(100, 90);
  attend::initialize_uniform(W, 0.3, random);
  const double bound = 0.3;
  EXPECT_LE(W.maxCoeff(), static_cast<S>(bound));
  EXPECT_GE(W.minCoeff(), static_cast<S>(-bound));
  EXPECT_GT(W.maxCoeff(), S{0.299F});
  EXPECT_LT(W.minCoeff(), S{-0.299F});
  EXPECT_NEAR(W.mean(), 0, 4 * bound / std::sqrt(3 * 9000.0));
  EXPECT_NEAR(W.squaredNorm() / 9000, bound * bound / 3, 0.002);
}

TYPED_TEST(Initialize, NormalHasItsDeviation) {
  using S = TypeParam;
  Random random(2);
  Matrix<S> W(100, 100);
  attend::initialize_normal(W, 0.2, random);
  EXPECT_NEAR(W.mean(), 0, 4 * 0.2 / 100);
  EXPECT_NEAR(std::sqrt(W.squaredNorm() / 1e4), 0.2, 4 * 0.2 / std::sqrt(2e4));
  const double within = static_cast<double>((W.array().abs() < S{0.2F}).count()) / 1e4;
  EXPECT_NEAR(within, 0.6827, 4 * 0.0047) << "as a bell has within one deviation";
}

TYPED_TEST(Initialize, GlorotsBoundIsOfBothSides) {
  using S = TypeParam;
  Random random(3);
  PanelMatrix<S> W(37, 59);
  attend::initialize_glorot(W, random);
  const double bound = std::sqrt(6.0 / (37 + 59));
  const Matrix<S> plain = W.matrix();
  EXPECT_LE(plain.cwiseAbs().maxCoeff(), static_cast<S>(bound));
  EXPECT_GT(plain.cwiseAbs().maxCoeff(), static_cast<S>(0.99 * bound));
  EXPECT_NEAR(std::sqrt(plain.squaredNorm() / (37 * 59)), bound / std::sqrt(3), 0.01);
}

TYPED_TEST(Initialize, OrthogonalBlocksKeepLengths) {
  using S = TypeParam;
  for (const Index n : {1, 2, 3, 7, 16, 65}) {
    Random random(static_cast<std::uint64_t>(n));
    PanelMatrix<S> W(3 * n, n);
    attend::initialize_orthogonal(W, random);
    const Matrix<S> plain = W.matrix();
    for (Index block = 0; block < 3; ++block) {
      const Matrix<S> Q = plain.middleRows(block * n, n);
      const S error = (Q.transpose() * Q - Matrix<S>::Identity(n, n)).cwiseAbs().maxCoeff();
      EXPECT_LE(error, S{8} * std::numeric_limits<S>::epsilon()) << n;
    }
    EXPECT_TRUE(n == 1 || !plain.topRows(n).isApprox(plain.bottomRows(n), S{0.1F}))
        << "every block is its own";
  }
}

TYPED_TEST(Initialize, OrthogonalTakesPartOfTheLastBlock) {
  using S = TypeParam;
  Random random(4);
  Matrix<S> low(3, 8);
  attend::initialize_orthogonal(low, random);
  EXPECT_TRUE((low * low.transpose()).isIdentity(S{1e-5F})) << "rows of a rotation";
  Matrix<S> high(11, 8);
  attend::initialize_orthogonal(high, random);
  EXPECT_TRUE((high.topRows(8) * high.topRows(8).transpose()).isIdentity(S{1e-5F}));
  EXPECT_TRUE((high.bottomRows(3) * high.bottomRows(3).transpose()).isIdentity(S{1e-5F}));
}

template <class S, class F>
void expect_same_numbers(F&& initialize) {
  Random random(5);
  Random again(5);
  Random other(6);
  Matrix<S> A(17, 5);
  Matrix<S> B(17, 5);
  PanelMatrix<S> packed(17, 5);
  initialize(A, random);
  initialize(packed, again);
  EXPECT_TRUE(same_bits(A, packed.matrix())) << "however they are stored";
  EXPECT_EQ(random.state(), again.state());
  initialize(B, other);
  EXPECT_FALSE(A.isApprox(B, S{0.01F}));
  EXPECT_EQ(packed.size(), attend::values(packed).size());
  EXPECT_NEAR(attend::values(packed).squaredNorm(), A.squaredNorm(), 1e-3)
      << "the padding stays zero";
}

TYPED_TEST(Initialize, GivesTheSameBitsForTheSameSeed) {
  using S = TypeParam;
  expect_same_numbers<S>([](auto& p, Random& r) { attend::initialize_uniform(p, 1, r); });
  expect_same_numbers<S>([](auto& p, Random& r) { attend::initialize_normal(p, 1, r); });
  expect_same_numbers<S>([](auto& p, Random& r) { attend::initialize_glorot(p, r); });
  expect_same_numbers<S>([](auto& p, Random& r) { attend::initialize_orthogonal(p, r); });
}

/// Both scalars round the same numbers: a float model begins where its proof in double does.
TEST(InitializeScalars, DrawTheSameNumbers) {
  Random random(7);
  Random again(7);
  Matrix<float> single(9, 4);
  Matrix<double> twice(9, 4);
  attend::initialize_normal(single, 1, random);
  attend::initialize_normal(twice, 1, again);
  EXPECT_TRUE(same_bits(single, Matrix<float>(twice.cast<float>())));
}

TEST(InitializeNothing, IsNothing) {
  Random random(8);
  Matrix<float> none(0, 4);
  Vector<float> vector(0);
  attend::initialize_uniform(vector, 1, random);
  attend::initialize_orthogonal(none, random);
  Matrix<float> narrow(4, 0);
  attend::initialize_orthogonal(narrow, random);
  EXPECT_EQ(random.state(), Random(8).state());
}

TEST(Initialize, DrawsNothingForAModelThatIsRead) {
  attend::Random none = attend::Random::none();
  const std::uint64_t before = none.state();
  attend::Matrix<float> m = attend::Matrix<float>::Ones(5, 3);
  attend::initialize_uniform(m, 1, none);
  EXPECT_TRUE(m.isZero());
  m.setOnes();
  attend::initialize_normal(m, 1, none);
  EXPECT_TRUE(m.isZero());
  m.setOnes();
  attend::initialize_orthogonal(m, none);
  EXPECT_TRUE(m.isZero());
  m.setOnes();
  attend::initialize_glorot(m, none);
  EXPECT_TRUE(m.isZero());
  EXPECT_EQ(none.state(), before);
  EXPECT_TRUE(attend::Random().draws());
}

}  // namespace
