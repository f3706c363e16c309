#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <attend/kernel/panel_matrix.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using namespace attend;

/// Weights of every kind that a model may hold: packed, a vector, nested, optional.
struct Inner {
  PanelMatrix<double> W;
  static void parameters(auto&& f, auto&... m) { f("W", m.W...); }
};
struct Model {
  Inner inner;
  Vector<double> b;
  std::optional<Matrix<double>> extra;
  static void parameters(auto&& f, auto&... m) {
    f("inner", m.inner...);
    f("b", m.b...);
    f("extra", m.extra...);
  }
};

template <class P>
double weighted(const P& p, auto&& f) {
  double sum = 0;
  for (Index i = 0; i < p.rows(); ++i) {
    for (Index j = 0; j < p.cols(); ++j) {
      sum += (1 + static_cast<double>(i) - 0.3 * static_cast<double>(j)) * f(p(i, j));
    }
  }
  return sum;
}

double loss_of(const Model& m) {
  return weighted(m.inner.W, [](double x) { return std::sin(3 * x); }) +
         weighted(m.b, [](double x) { return std::exp(x); }) +
         weighted(*m.extra, [](double x) { return x * x * x; });
}

Model gradient_of(const Model& m) {
  Model g = m;
  const auto fill = [](auto& p, auto&& derivative) {
    for (Index i = 0; i < p.rows(); ++i) {
      for (Index j = 0; j < p.cols(); ++j) {
        p(i, j) = (1 + static_cast<double>(i) - 0.3 * static_cast<double>(j)) * derivative(p(i, j));
      }
    }
  };
  fill(g.inner.W, [](double x) { return 3 * std::cos(3 * x); });
  fill(g.b, [](double x) { return std::exp(x); });
  fill(*g.extra, [](double x) { return 3 * x * x; });
  return g;
}

class GradientCheck : public testing::Test {
 protected:
  GradientCheck() {
    Random random(7);
    model.inner.W.resize(17, 5);
    model.b.resize(4);
    model.extra.emplace(3, 2);
    for_each_parameter(
        [&](std::string_view, auto& p) {
          for (Index i = 0; i < p.rows(); ++i) {
            for (Index j = 0; j < p.cols(); ++j) p(i, j) = random.uniform(0.2, 2);
          }
        },
        model);
    gradient = gradient_of(model);
  }

  [[nodiscard]] GradientReport check(const GradientCheckOptions& options = {}) const {
    return check_parameters(model, gradient, loss_of, options);
  }

  Model model;
  Model gradient;
};

TEST_F(GradientCheck, PassesWhatIsRightWithAWideMargin) {
  const GradientReport report = check();
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_EQ(report.checked, 17 * 5 + 4 + 6);
  EXPECT_EQ(report.failed, 0);
  EXPECT_LT(report.worst_error(), 1e-10) << report.message();
  EXPECT_GT(report.worst_error(), 0);
  EXPECT_NE(report.message().find("0 of 95 elements failed"), std::string::npos);
}

TEST_F(GradientCheck, LeavesTheModelAsItWas) {
  const Model kept = model;
  (void)check();
  EXPECT_EQ(kept.b, model.b);
  EXPECT_EQ(*kept.extra, *model.extra);
}

TEST_F(GradientCheck, FindsAWrongSign) {
  gradient.b = -gradient.b;
  const GradientReport report = check();
  EXPECT_FALSE(report.passed());
  EXPECT_EQ(report.failed, 4);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].matrix, "b");
  EXPECT_NEAR(report.failures[0].expected, -report.failures[0].actual, 1e-9);
}

TEST_F(GradientCheck, FindsAMissingFactor) {
  values(gradient.inner.W) /= 3;
  const GradientReport report = check();
  EXPECT_EQ(report.failed, 17 * 5);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].matrix, "inner.W");
}

TEST_F(GradientCheck, NamesTheOneWrongElement) {
  model.inner.W(13, 4) = 0.25;
  gradient = gradient_of(model);
  gradient.inner.W(13, 4) = 1.5;
  const GradientReport report = check();
  EXPECT_EQ(report.failed, 1);
  EXPECT_EQ(report.worst.name(), "inner.W(13, 4)");
  EXPECT_EQ(report.worst.actual, 1.5);
  EXPECT_NEAR(report.worst.expected, (14 - 1.2) * 3 * std::cos(0.75), 1e-9);
  EXPECT_NE(report.message().find("1 of 95 elements failed"), std::string::npos);
  EXPECT_NE(report.message().find("inner.W(13, 4): expected 28.0"), std::string::npos)
      << report.message();
  EXPECT_NE(report.message().find("actual 1.5"), std::string::npos) << report.message();
}

TEST_F(GradientCheck, FindsAScaleOfOneInAMillion) {
  *gradient.extra *= 1 + 1e-6;
  const GradientReport report = check();
  EXPECT_FALSE(report.passed());
  EXPECT_EQ(report.worst.matrix, "extra");
  EXPECT_TRUE(check({.tolerance = 1e-5}).passed());
}

TEST_F(GradientCheck, NamesTheWorstOfEveryMatrixThatFails) {
  gradient.b(2) += 1e-3;
  (*gradient.extra)(1, 1) += 1;
  const GradientReport report = check();
  EXPECT_EQ(report.failed, 2);
  ASSERT_EQ(report.failures.size(), 2U);
  EXPECT_EQ(report.failures[0].name(), "b(2, 0)");
  EXPECT_EQ(report.failures[1].name(), "extra(1, 1)");
  EXPECT_EQ(report.worst.name(), "extra(1, 1)");
}

TEST_F(GradientCheck, NeverPassesWhatIsNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  gradient.b(1) = nan;
  EXPECT_EQ(check().failed, 1);
  EXPECT_EQ(check().worst.name(), "b(1, 0)");
  gradient = gradient_of(model);
  const auto lost = check_parameters(model, gradient, [&](const Model&) { return nan; });
  EXPECT_EQ(lost.failed, 95);
  gradient.b(1) = HUGE_VAL;
  EXPECT_EQ(check().failed, 1);
}

TEST_F(GradientCheck, SamplesEachMatrixWithoutRepetition) {
  Random random(3);
  const GradientReport report = check({.sample = 5, .random = &random});
  EXPECT_EQ(report.checked, 5 + 4 + 5);
  std::set<std::pair<Index, Index>> seen;
  const Matrix<double> X = Matrix<double>::Constant(4, 6, 2);
  for (int round = 0; round < 50; ++round) {
    Matrix<double> dX = 2 * X;
    dX.array() += 1;
    const auto wrong =
        check_input("X", X, dX, [](const Matrix<double>& x) { return x.squaredNorm(); },
                    {.sample = 8, .random = &random});
    EXPECT_EQ(wrong.checked, 8);
    EXPECT_EQ(wrong.failed, 8);
    seen.emplace(wrong.worst.row, wrong.worst.column);
  }
  EXPECT_GT(seen.size(), 4U) << "different elements each time";
  GradientCheckOptions all{.sample = 24, .random = &random};
  const Matrix<double> right = 2 * X;
  EXPECT_EQ(check_input(
                "X", X, right, [](const Matrix<double>& x) { return x.squaredNorm(); }, all)
                .checked,
            24);
}

TEST_F(GradientCheck, ASampleNeedsAGenerator) {
  try {
    (void)check({.sample = 2});
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(),
                 "gradient check: a sample of 2 elements needs a generator, set options.random");
  }
}

TEST_F(GradientCheck, RefusesAGradientOfAnotherShape) {
  gradient.b.setZero(5);
  try {
    (void)check();
    FAIL();
  } catch (const ShapeError& e) {
    EXPECT_STREQ(e.what(), "gradient check: the gradient of b is (5 x 1), expected (4 x 1)");
  }
}

TEST(GradientCheckInput, TakesMatricesAndVectors) {
  const Matrix<double> A = Matrix<double>::Random(3, 4);
  const Vector<double> x = Vector<double>::Random(4);
  const Vector<double> dx = 2 * A.transpose() * (A * x);
  const Matrix<double> dA = 2 * (A * x) * x.transpose();
  GradientReport report =
      check_input("x", x, dx, [&](const Vector<double>& v) { return (A * v).squaredNorm(); });
  report.add(
      check_input("A", A, dA, [&](const Matrix<double>& M) { return (M * x).squaredNorm(); }));
  EXPECT_EQ(report.checked, 16);
  EXPECT_TRUE(report.passed()) << report.message();
}

TEST(GradientCheckInput, IsRightBesideAKink) {
  Vector<double> x(3);
  x << 5e-4, -5e-5, 1;
  Vector<double> dx(3);
  dx << 1, 0, 1;
  const auto relu = [](const Vector<double>& v) { return v.cwiseMax(0.0).sum(); };
  EXPECT_TRUE(check_input("x", x, dx, relu).passed());
  dx(1) = 1;
  EXPECT_EQ(check_input("x", x, dx, relu).worst.name(), "x(1, 0)");
}

TEST(GradientCheckInput, HasMarginForLargeLossesAndLargeElements) {
  const Vector<double> x = Vector<double>::LinSpaced(9, -400, 400);
  const Vector<double> dx = x.array().cos() * 50 + 1e3;
  const auto loss = [](const Vector<double>& v) {
    return (v.array().sin() * 50 + 1e3 * v.array()).sum();
  };
  const auto report = check_input("x", x, dx, loss, {.step = 1e-5});
  EXPECT_TRUE(report.passed()) << report.message();
  EXPECT_LT(report.worst_error(), 1e-8);
}

TEST(GradientCheckInput, OfNothingPasses) {
  const Matrix<double> none(0, 3);
  const auto report = check_input("X", none, none, [](const Matrix<double>&) { return 1.0; });
  EXPECT_TRUE(report.passed());
  EXPECT_EQ(report.checked, 0);
  EXPECT_EQ(report.message(), "gradient check: 0 of 0 elements failed, worst error 0 at none");
}

}  // namespace
