#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/cell/elman.hpp>

namespace {

using attend::Elman;
using attend::ElmanActivation;
using attend::Matrix;
using attend::Random;

template <class S>
class ElmanCell : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ElmanCell, Scalars);

TYPED_TEST(ElmanCell, SaturatesAtOne) {
  using S = TypeParam;
  Random random(1);
  Elman<S> cell({.input = 1, .hidden = 9}, random);
  for (attend::Index i = 0; i < 9; ++i) cell.W(i, 0) = 1;
  Matrix<S> X(1, 2);
  X << S{1e4F}, S{-1e4F};
  const Matrix<S> P = Matrix<S>::Zero(9, 2);
  Matrix<S> G(9, 2);
  Matrix<S> states(9, 2);
  cell.project(X, G);
  cell.step(G, P, states);
  EXPECT_TRUE(states.col(0).isApproxToConstant(1, 1e-6F));
  EXPECT_TRUE(states.col(1).isApproxToConstant(-1, 1e-6F));
}

TYPED_TEST(ElmanCell, WithReluIsZeroBelowZero) {
  using S = TypeParam;
  Random random(1);
  Elman<S> cell({.input = 1, .hidden = 17, .activation = ElmanActivation::relu}, random);
  EXPECT_EQ(cell.activation(), ElmanActivation::relu);
  for (attend::Index i = 0; i < 17; ++i) cell.W(i, 0) = static_cast<S>(i % 2 == 0 ? 2 : -2);
  const Matrix<S> X = Matrix<S>::Constant(1, 1, 3);
  const Matrix<S> P = Matrix<S>::Zero(17, 1);
  Matrix<S> G(17, 1);
  Matrix<S> states(17, 1);
  cell.project(X, G);
  cell.step(G, P, states);
  Matrix<S> dS = Matrix<S>::Ones(17, 1);
  Elman<S> transposed = cell;
  attend::assign_transposed(cell, transposed);
  Matrix<S> dG(17, 1);
  cell.step_backward(transposed, G, P, states, dS, dG);
  for (attend::Index i = 0; i < 17; ++i) {
    EXPECT_EQ(states(i, 0), i % 2 == 0 ? S{6} : S{0});
    EXPECT_EQ(dG(i, 0), i % 2 == 0 ? S{1} : S{0});
  }
}

TYPED_TEST(ElmanCell, BeginsWithAnOrthogonalStateAndNoBias) {
  using S = TypeParam;
  Random random(2);
  const Elman<S> cell({.input = 3, .hidden = 12}, random);
  const Matrix<S> U = cell.U.matrix();
  EXPECT_TRUE((U.transpose() * U).isIdentity(S{1e-5F}));
  EXPECT_EQ(cell.b.norm(), S{0});
  EXPECT_EQ(cell.activation(), ElmanActivation::tanh);
}

}  // namespace
