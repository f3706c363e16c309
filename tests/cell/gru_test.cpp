#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/cell/gru.hpp>

namespace {

using attend::Gru;
using attend::GruForm;
using attend::Index;
using attend::Matrix;
using attend::Random;

template <class S>
class GruCell : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(GruCell, Scalars);

constexpr Index d = 9;

/// One step of a cell without recurrent weights whose pre-activations of r, z, n are these.
template <class S>
struct Gates {
  Matrix<S> G = Matrix<S>(4 * d, 1);
  Matrix<S> states = Matrix<S>(d, 1);

  Gates(GruForm form, S r, S z, S n, S state, S candidate_bias = 0) {
    Random random(1);
    Gru<S> cell({.input = 1, .hidden = d, .form = form}, random);
    attend::set_zero(cell);
    const S pre_activations[] = {r, z, n};
    for (Index k = 0; k < 3; ++k) cell.b.segment(k * d, d).setConstant(pre_activations[k]);
    if (cell.b_candidate) cell.b_candidate->setConstant(candidate_bias);
    const Matrix<S> P = Matrix<S>::Constant(d, 1, state);
    const Matrix<S> X = Matrix<S>::Ones(1, 1);
    cell.project(X, G);
    cell.step(G, P, states);
  }
};

TYPED_TEST(GruCell, OpenAndShutGatesAreOneAndZero) {
  using S = TypeParam;
  const S large = 1e4F;
  for (const GruForm form : {GruForm::reset_before, GruForm::reset_after}) {
    const Gates<S> keep(form, large, large, large, S{0.5F});
    EXPECT_TRUE((keep.G.topRows(2 * d).array() == S{1}).all());
    EXPECT_TRUE(keep.states.isApproxToConstant(S{0.5F}, S{1e-6F})) << "z weights the old state";
    const Gates<S> replace(form, -large, -large, -large, S{0.5F});
    EXPECT_TRUE((replace.G.topRows(2 * d).array() == S{0}).all());
    EXPECT_TRUE(replace.states.isApproxToConstant(S{-1}, S{1e-6F}));
  }
}

TYPED_TEST(GruCell, ResetAfterWorksOnTheProductsBias) {
  using S = TypeParam;
  const S large = 1e4F;
  const Gates<S> shut(GruForm::reset_after, -large, -large, S{0.25F}, S{0}, S{3});
  EXPECT_NEAR(shut.states(0, 0), std::tanh(0.25), 1e-6);
  const Gates<S> open(GruForm::reset_after, large, -large, S{0.25F}, S{0}, S{0.5F});
  EXPECT_NEAR(open.states(0, 0), std::tanh(0.75), 1e-6);
}

TYPED_TEST(GruCell, GatesStandInTheOrderRZN) {
  using S = TypeParam;
  const Gates<S> gates(GruForm::reset_before, S{0.3F}, S{-0.8F}, S{0.6F}, S{2});
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_NEAR(gates.G(0, 0), logistic(0.3), 1e-6);
  EXPECT_NEAR(gates.G(d, 0), logistic(-0.8), 1e-6);
  EXPECT_NEAR(gates.G(2 * d, 0), std::tanh(0.6), 1e-6);
  EXPECT_NEAR(gates.G(3 * d, 0), 2 * logistic(0.3), 1e-6) << "r o h";
  const double z = logistic(-0.8);
  EXPECT_NEAR(gates.states(0, 0), (1 - z) * std::tanh(0.6) + z * 2, 1e-6);
}

/// With an open reset gate and no bias in the product, the two forms are one.
TYPED_TEST(GruCell, FormsAgreeWhileTheResetGateIsOpen) {
  using S = TypeParam;
  Random random(3);
  Gru<S> after({.input = 2, .hidden = d, .form = GruForm::reset_after}, random);
  after.b.head(d).setConstant(S{1e4F});
  Gru<S> before = after;
  before.b_candidate.reset();
  EXPECT_EQ(after.form(), GruForm::reset_after);
  EXPECT_EQ(before.form(), GruForm::reset_before);
  const auto X = reference::random_matrix<S>(random, 2, 3);
  const auto P = reference::random_matrix<S>(random, d, 3);
  Matrix<S> G(4 * d, 3);
  Matrix<S> states(d, 3);
  Matrix<S> others(d, 3);
  after.project(X, G);
  after.step(G, P, states);
  before.project(X, G);
  before.step(G, P, others);
  EXPECT_TRUE(states.isApprox(others, S{1e-5F}));
  after.b.head(d).setConstant(0);
  before.b.head(d).setConstant(0);
  after.project(X, G);
  after.step(G, P, states);
  before.project(X, G);
  before.step(G, P, others);
  EXPECT_FALSE(states.isApprox(others, S{1e-2F})) << "and otherwise they are not";
}

TYPED_TEST(GruCell, HasTheCandidatesBiasOnlyWithResetAfter) {
  using S = TypeParam;
  Random random(5);
  const Gru<S> after({.input = 3, .hidden = d}, random);
  EXPECT_EQ(after.form(), GruForm::reset_after) << "as PyTorch's";
  EXPECT_EQ(attend::parameter_count(after), 3 * d * (3 + d + 1) + d);
  const Gru<S> before({.input = 3, .hidden = d, .form = GruForm::reset_before}, random);
  EXPECT_EQ(attend::parameter_count(before), 3 * d * (3 + d + 1));
  std::vector<std::string> names;
  attend::for_each_parameter([&](std::string_view name, const auto&) { names.emplace_back(name); },
                             after);
  EXPECT_EQ(names, (std::vector<std::string>{"W", "U_gates", "U_candidate", "b", "b_candidate"}));
}

}  // namespace
