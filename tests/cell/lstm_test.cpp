#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/cell/lstm.hpp>

namespace {

using attend::Index;
using attend::Lstm;
using attend::Matrix;
using attend::Random;

template <class S>
class LstmCell : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LstmCell, Scalars);

constexpr Index d = 9;

/// Gates i f g o of one step whose pre-activations are these, from the cell state c.
template <class S>
struct Gates {
  Matrix<S> G = Matrix<S>(4 * d, 1);
  Matrix<S> states = Matrix<S>(2 * d, 1);

  Gates(S i, S f, S g, S o, S c) {
    Random random(1);
    Lstm<S> cell({.input = 1, .hidden = d}, random);
    attend::set_zero(cell);
    const S pre_activations[] = {i, f, g, o};
    for (Index k = 0; k < 4; ++k) {
      for (Index j = 0; j < d; ++j) cell.W(k * d + j, 0) = pre_activations[k];
    }
    Matrix<S> P = Matrix<S>::Zero(2 * d, 1);
    P.bottomRows(d).setConstant(c);
    const Matrix<S> X = Matrix<S>::Ones(1, 1);
    cell.project(X, G);
    cell.step(G, P, states);
  }
};

TYPED_TEST(LstmCell, OpenAndShutGatesAreOneAndZero) {
  using S = TypeParam;
  const S large = 1e4F;
  const Gates<S> keep(-large, large, large, large, S{0.5F});
  EXPECT_TRUE((keep.G.middleRows(0, d).array() == S{0}).all()) << "input gate shut";
  EXPECT_TRUE((keep.G.middleRows(d, d).array() == S{1}).all()) << "forget gate open";
  EXPECT_TRUE((keep.G.middleRows(3 * d, d).array() == S{1}).all()) << "output gate open";
  EXPECT_TRUE((keep.states.bottomRows(d).array() == S{0.5F}).all()) << "the cell keeps its state";
  EXPECT_TRUE(keep.states.topRows(d).isApproxToConstant(std::tanh(S{0.5F}), S{1e-6F}));

  const Gates<S> replace(large, -large, -large, -large, S{0.5F});
  EXPECT_TRUE(replace.states.bottomRows(d).isApproxToConstant(S{-1}, S{1e-6F}));
  EXPECT_TRUE((replace.states.topRows(d).array() == S{0}).all()) << "output gate shut";
}

TYPED_TEST(LstmCell, GatesStandInTheOrderIFGO) {
  using S = TypeParam;
  const Gates<S> gates(S{0.1F}, S{-0.7F}, S{0.4F}, S{1.3F}, S{0});
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_NEAR(gates.G(0, 0), logistic(0.1), 1e-6);
  EXPECT_NEAR(gates.G(d, 0), logistic(-0.7), 1e-6);
  EXPECT_NEAR(gates.G(2 * d, 0), std::tanh(0.4), 1e-6);
  EXPECT_NEAR(gates.G(3 * d, 0), logistic(1.3), 1e-6);
}

TYPED_TEST(LstmCell, ZeroPeepholesChangeNothing) {
  using S = TypeParam;
  Random random(4);
  Lstm<S> without({.input = 3, .hidden = d}, random);
  Lstm<S> with = without;
  with.p.emplace(3 * d).setZero();
  const auto X = reference::random_matrix<S>(random, 3, 4);
  const auto P = reference::random_matrix<S>(random, 2 * d, 4);
  Matrix<S> G(4 * d, 4);
  Matrix<S> expected(2 * d, 4);
  Matrix<S> states(2 * d, 4);
  without.project(X, G);
  without.step(G, P, expected);
  with.project(X, G);
  with.step(G, P, states);
  EXPECT_TRUE(reference::same_bits(states, expected));
}

TYPED_TEST(LstmCell, BeginsByRemembering) {
  using S = TypeParam;
  Random random(5);
  const Lstm<S> cell({.input = 3, .hidden = d}, random);
  EXPECT_TRUE((cell.b.segment(d, d).array() == S{1}).all());
  EXPECT_EQ(cell.b.sum(), S{d}) << "all other biases are zero";
  EXPECT_FALSE(cell.p.has_value());
  const Lstm<S> other({.input = 3, .hidden = d, .peepholes = true, .forget_bias = 0.25}, random);
  EXPECT_EQ(other.b(d), S{0.25F});
  ASSERT_TRUE(other.p.has_value());
  EXPECT_EQ(other.p->size(), 3 * d);
  EXPECT_EQ(attend::parameter_count(other), 4 * d * (3 + d + 1) + 3 * d);
}

}  // namespace
