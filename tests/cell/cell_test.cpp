/// What holds for every cell.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cell/kinds.hpp"
#include "cell/unrolled.hpp"
#include "reference/cells.hpp"
#include "reference/matrices.hpp"
#include <attend/cell/cell.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::GradientReport;
using attend::Index;
using attend::Matrix;
using attend::Random;
using cells::Unrolled;
using reference::random_matrix;
using reference::same_bits;

const std::vector<Index> awkward_sizes{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65};

template <class Kind>
class Cells : public testing::Test {
 public:
  template <class S>
  using CellOf = decltype(Kind::template make<S>(1, 1, std::declval<Random&>()));

  static_assert(attend::Cell<CellOf<float>>);
  static_assert(attend::Cell<CellOf<double>>);
  static_assert(attend::ParameterLeaf<decltype(CellOf<double>())> == false);
};
TYPED_TEST_SUITE(Cells, cells::CellKinds);

struct NotACell {
  using Scalar = float;
  static void parameters(auto&& /*f*/, auto&... /*m*/) {}
};
static_assert(!attend::Cell<NotACell>);
static_assert(!attend::Cell<Matrix<float>>);

TYPED_TEST(Cells, KnowTheirSizes) {
  Random random(1);
  const auto cell = TypeParam::template make<float>(5, 3, random);
  EXPECT_EQ(cell.input_size(), 5);
  EXPECT_EQ(cell.hidden_size(), 3);
  EXPECT_GE(cell.state_rows(), cell.hidden_size());
  EXPECT_LE(cell.input_rows(), cell.gate_rows());
  EXPECT_EQ(cell.input_rows() % 3, 0);
}

TYPED_TEST(Cells, HaveTheGradientOfTheirEquations) {
  for (const auto& [input, hidden] : {std::pair<Index, Index>{3, 5}, {4, 9}, {1, 1}}) {
    Random random(static_cast<std::uint64_t>(11 + hidden));
    const auto cell = TypeParam::template make<double>(input, hidden, random);
    Unrolled<std::remove_const_t<decltype(cell)>> unrolled(cell, {4, 3, 3, 1}, random);
    const auto X = random_matrix<double>(random, input, unrolled.columns());
    const auto initial = random_matrix<double>(random, cell.state_rows(), 4);
    auto gradient = zero_like(cell);
    unrolled.forward(cell, X, initial);
    unrolled.backward(cell, X, gradient);

    auto moved = unrolled;
    GradientReport report = attend::check_parameters(
        cell, gradient, [&](const auto& c) { return moved.forward(c, X, initial); });
    report.add(attend::check_input("X", X, unrolled.dX, [&](const Matrix<double>& x) {
      return moved.forward(cell, x, initial);
    }));
    report.add(
        attend::check_input("initial", initial, unrolled.d_initial,
                            [&](const Matrix<double>& s) { return moved.forward(cell, X, s); }));
    EXPECT_TRUE(report.passed()) << report.message();
    EXPECT_EQ(report.checked, parameter_count(cell) + X.size() + initial.size());
    EXPECT_LT(report.worst_error(), 1e-9) << report.message();
  }
}

TYPED_TEST(Cells, AddToGradients) {
  Random random(12);
  const auto cell = TypeParam::template make<double>(4, 9, random);
  Unrolled<std::remove_const_t<decltype(cell)>> unrolled(cell, {3, 2}, random);
  const auto X = random_matrix<double>(random, 4, unrolled.columns());
  unrolled.forward(cell, X, random_matrix<double>(random, cell.state_rows(), 3));

  auto once = zero_like(cell);
  unrolled.backward(cell, X, once);
  const Matrix<double> dX = unrolled.dX;
  const Matrix<double> d_initial = unrolled.d_initial;

  auto sum = cell;
  unrolled.backward(cell, X, sum);
  EXPECT_TRUE(unrolled.dX.isApprox(2 * dX, 1e-14));
  EXPECT_TRUE(same_bits(d_initial, unrolled.d_initial)) << "the state's gradient is replaced";
  for_each_parameter(
      [](std::string_view name, const auto& before, const auto& added, const auto& after) {
        EXPECT_TRUE(
            attend::values(after).isApprox(attend::values(before) + attend::values(added), 1e-14))
            << name;
      },
      cell, once, sum);
}

TYPED_TEST(Cells, OfNoColumnsDoNothing) {
  Random random(13);
  const auto cell = TypeParam::template make<float>(4, 5, random);
  Matrix<float> X(4, 0);
  Matrix<float> G(cell.gate_rows(), 0);
  Matrix<float> P(cell.state_rows(), 0);
  Matrix<float> states(cell.state_rows(), 0);
  cell.project(X, G);
  cell.step(G, P, states);
  auto gradient = zero_like(cell);
  auto transposed = cell;
  attend::assign_transposed(cell, transposed);
  cell.step_backward(transposed, G, P, states, P, G);
  cell.add_gradient(X, P, G, G, gradient);
  EXPECT_EQ(squared_norm(gradient), 0);
}

template <class S, class Kind>
void expect_equations(Index input, Index hidden) {
  Random random(static_cast<std::uint64_t>(100 + hidden));
  Random again = random;
  const auto cell = Kind::template make<S>(input, hidden, random);
  const auto plain = Kind::template plain<S>(input, hidden, again);
  Unrolled<std::remove_const_t<decltype(cell)>> unrolled(cell, {3, 2, 1}, random);
  const auto X = random_matrix<S>(random, input, unrolled.columns(), 2);
  unrolled.forward(cell, X, random_matrix<S>(random, cell.state_rows(), 3, 2));
  for (Index n = 0; n < unrolled.columns(); ++n) {
    const auto column = [&](const Matrix<S>& m) {
      return reference::Numbers(m.col(n).begin(), m.col(n).end());
    };
    const auto expected = reference::cell_step(plain, column(X), column(unrolled.P));
    const long double scale = (1 + expected.magnitude) * (1 + unrolled.P.cwiseAbs().maxCoeff());
    const long double tolerance = 4 * std::numeric_limits<S>::epsilon() * scale;
    for (Index i = 0; i < cell.state_rows(); ++i) {
      const long double error = std::abs(expected.state[reference::at(i)] - unrolled.states(i, n));
      ASSERT_LE(error, tolerance) << "hidden " << hidden << ", row " << i << ", column " << n;
    }
  }
}

TYPED_TEST(Cells, FollowTheirEquationsInFloat) {
  for (const Index hidden : awkward_sizes) expect_equations<float, TypeParam>(6, hidden);
  for (const Index input : awkward_sizes) expect_equations<float, TypeParam>(input, 5);
}

TYPED_TEST(Cells, FollowTheirEquationsInDouble) {
  for (const Index hidden : awkward_sizes) expect_equations<double, TypeParam>(6, hidden);
  for (const Index input : awkward_sizes) expect_equations<double, TypeParam>(input, 5);
}

/// One step there and back for the columns of X and P, with dS in and out.
template <class S>
struct OneStep {
  Matrix<S> G, states, dS, dG, dX;

  template <class C>
  OneStep(const C& cell, const C& transposed, const Matrix<S>& X, const Matrix<S>& P,
          Matrix<S> d_states)
      : G(cell.gate_rows(), X.cols()),
        states(cell.state_rows(), X.cols()),
        dS(std::move(d_states)),
        dG(cell.gate_rows(), X.cols()),
        dX(Matrix<S>::Zero(X.rows(), X.cols())) {
    cell.project(X, G);
    cell.step(G, P, states);
    cell.step_backward(transposed, G, P, states, dS, dG);
    cell.input_backward(transposed, dG, dX);
  }
};

template <class S, class Kind>
void expect_alone_as_in_a_batch() {
  for (const Index hidden : {3, 16, 33}) {
    Random random(static_cast<std::uint64_t>(hidden));
    const auto cell = Kind::template make<S>(5, hidden, random);
    auto transposed = cell;
    attend::assign_transposed(cell, transposed);
    const Index n = 14;
    const auto X = random_matrix<S>(random, 5, n);
    const auto P = random_matrix<S>(random, cell.state_rows(), n);
    const auto dS = random_matrix<S>(random, cell.state_rows(), n);
    const OneStep<S> batch(cell, transposed, X, P, dS);
    for (Index first = 0; first < n; ++first) {
      for (const Index count : {Index{1}, std::min<Index>(3, n - first), n - first}) {
        const auto part = [&](const Matrix<S>& m) { return Matrix<S>(m.middleCols(first, count)); };
        const OneStep<S> alone(cell, transposed, part(X), part(P), part(dS));
        ASSERT_TRUE(same_bits(alone.states, part(batch.states))) << hidden << ", " << first;
        ASSERT_TRUE(same_bits(alone.G, part(batch.G))) << hidden << ", " << first;
        ASSERT_TRUE(same_bits(alone.dS, part(batch.dS))) << hidden << ", " << first;
        ASSERT_TRUE(same_bits(alone.dG, part(batch.dG))) << hidden << ", " << first;
        ASSERT_TRUE(same_bits(alone.dX, part(batch.dX))) << hidden << ", " << first;
      }
    }
  }
}

TYPED_TEST(Cells, GiveAColumnTheSameBitsInAnyBatch) {
  expect_alone_as_in_a_batch<float, TypeParam>();
  expect_alone_as_in_a_batch<double, TypeParam>();
}

template <class S, class Kind>
void expect_finite(S size) {
  Random random(17);
  const auto cell = Kind::template make<S>(4, 17, random);
  Unrolled<std::remove_const_t<decltype(cell)>> unrolled(cell, {5, 5, 3}, random);
  const auto X = random_matrix<S>(random, 4, unrolled.columns(), static_cast<double>(size));
  const auto initial = random_matrix<S>(random, cell.state_rows(), 5, static_cast<double>(size));
  auto gradient = zero_like(cell);
  EXPECT_TRUE(std::isfinite(unrolled.forward(cell, X, initial))) << size;
  EXPECT_TRUE(unrolled.states.allFinite()) << size;
  unrolled.backward(cell, X, gradient);
  EXPECT_TRUE(unrolled.dX.allFinite()) << size;
  EXPECT_TRUE(unrolled.d_initial.allFinite()) << size;
  for_each_parameter(
      [&](std::string_view name, const auto& p) {
        EXPECT_TRUE(attend::values(p).allFinite()) << name << ", " << size;
      },
      gradient);
}

TYPED_TEST(Cells, StayFiniteForExtremeInputs) {
  for (const double size : {0.0, 1e-42, 1e-38, 1e4, 1e6}) {
    expect_finite<float, TypeParam>(static_cast<float>(size));
    expect_finite<double, TypeParam>(size);
  }
  expect_finite<double, TypeParam>(std::numeric_limits<double>::denorm_min() * 100);
}

template <class F>
void expect_shape_error(F&& f, const std::string& sentence) {
  try {
    f();
    FAIL() << "expected: " << sentence;
  } catch (const attend::ShapeError& e) {
    EXPECT_NE(std::string(e.what()).find(sentence), std::string::npos) << e.what();
  }
}

TYPED_TEST(Cells, RefuseOtherShapes) {
  Random random(18);
  const auto cell = TypeParam::template make<float>(4, 5, random);
  const Index gates = cell.gate_rows();
  Matrix<float> G(gates, 2);
  Matrix<float> X(4, 2);
  Matrix<float> low(3, 2);
  Matrix<float> wide(gates, 3);
  expect_shape_error([&] { cell.project(low, G); }, "X is (3 x 2), expected (4 x 2)");
  expect_shape_error([&] { cell.project(X, wide); }, "::project: G is (" + std::to_string(gates) +
                                                         " x 3), expected (" +
                                                         std::to_string(gates) + " x 2)");
  Matrix<float> few(gates - 1, 2);
  expect_shape_error([&] { cell.project(X, few); }, "::project: G is (");
}

TYPED_TEST(Cells, RefuseStatesOfOtherShapes) {
  Random random(19);
  const auto cell = TypeParam::template make<float>(4, 5, random);
  const Index rows = cell.state_rows();
  Matrix<float> G(cell.gate_rows(), 2);
  Matrix<float> P(rows, 2);
  Matrix<float> after(rows, 2);
  Matrix<float> low(rows - 1, 2);
  const std::string is_low =
      " is (" + std::to_string(rows - 1) + " x 2), expected (" + std::to_string(rows) + " x 2)";
  expect_shape_error([&] { cell.step(G, low, after); }, "::step: P" + is_low);
  expect_shape_error([&] { cell.step(G, P, low); }, "::step: S" + is_low);
  expect_shape_error([&] { cell.step_backward(cell, G, P, after, low, G); }, "::step_backward: ");
}

}  // namespace
