#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/layer/layer_norm.hpp>
#include <attend/layer/residual.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Index;
using attend::LayerNorm;
using attend::LayerNormTrace;
using attend::Matrix;
using attend::NormKind;
using attend::NormPlacement;
using attend::Random;
using reference::random_matrix;
using reference::same_bits;

template <class S>
LayerNorm<S> norm_of(Index size, NormKind kind, Random& random, double epsilon = 1e-5) {
  LayerNorm<S> norm({.size = size, .epsilon = epsilon, .kind = kind});
  norm.g = random_matrix<S>(random, norm.g.size(), 1, 2);
  norm.b = random_matrix<S>(random, norm.b.size(), 1, 2);
  return norm;
}

using Wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

/// Equation by equation, in long double.
template <class S>
Wide by_the_book(const LayerNorm<S>& norm, const Matrix<S>& X, double epsilon) {
  Wide Y = X.template cast<long double>();
  const auto d = static_cast<long double>(X.rows());
  for (Index n = 0; n < X.cols(); ++n) {
    const bool centred = norm.kind() == NormKind::layer;
    if (centred) Y.col(n).array() -= Y.col(n).sum() / d;
    Y.col(n) /= std::sqrt(Y.col(n).squaredNorm() / d + static_cast<long double>(epsilon));
    Y.col(n).array() *= norm.g.template cast<long double>().array();
    if (centred) Y.col(n) += norm.b.template cast<long double>();
  }
  return Y;
}

template <class S>
class LayerNorms : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(LayerNorms, Scalars);

TYPED_TEST(LayerNorms, AreTheirEquations) {
  using S = TypeParam;
  for (const auto kind : {NormKind::layer, NormKind::root_mean_square}) {
    for (const Index size : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65}) {
      for (const double epsilon : {1e-5, 0.1}) {
        Random random(static_cast<std::uint64_t>(size));
        const auto norm = norm_of<S>(size, kind, random, epsilon);
        const Matrix<S> X = random_matrix<S>(random, size, 4, 3);
        const auto expected = by_the_book(norm, X, epsilon);
        Matrix<S> Y(size, 4);
        LayerNormTrace<S> trace;
        norm.forward(X, Y, trace);
        const double bound = std::is_same_v<S, float> ? 1e-5 : 1e-13;
        EXPECT_LT(
            static_cast<double>((Y.template cast<long double>() - expected).cwiseAbs().maxCoeff()),
            bound * (size == 1 ? 300 : 10))
            << size;
        Matrix<S> in_place = X;
        norm.forward(in_place, in_place, trace);
        EXPECT_TRUE(same_bits(Y, in_place));
        Matrix<S> alone(size, 1);
        norm.forward(X.col(2), alone, trace);
        EXPECT_TRUE(same_bits(Matrix<S>(Y.col(2)), alone));
      }
    }
  }
}

TEST(LayerNorm, HasItsGradientAndAddsIt) {
  for (const auto kind : {NormKind::layer, NormKind::root_mean_square}) {
    for (const Index size : {2, 9, 17}) {
      Random random(7);
      const auto norm = norm_of<double>(size, kind, random);
      const auto X = random_matrix<double>(random, size, 3);
      const auto weights = random_matrix<double>(random, size, 3);
      const auto loss = [&](const LayerNorm<double>& l, const Matrix<double>& x) {
        LayerNormTrace<double> trace;
        Matrix<double> Y(size, 3);
        l.forward(x, Y, trace);
        return Y.cwiseProduct(weights).sum();
      };
      LayerNormTrace<double> trace;
      Matrix<double> Y(size, 3);
      norm.forward(X, Y, trace);
      auto gradient = zero_like(norm);
      Matrix<double> dX = Matrix<double>::Zero(size, 3);
      norm.backward(weights, dX, trace, gradient);
      auto report = attend::check_parameters(
          norm, gradient, [&](const LayerNorm<double>& l) { return loss(l, X); });
      report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(norm, x); }));
      EXPECT_TRUE(report.passed()) << report.message();
      const auto once = gradient;
      const Matrix<double> dX_once = dX;
      norm.backward(weights, dX, trace, gradient);
      EXPECT_LT((dX - 2 * dX_once).cwiseAbs().maxCoeff(), 1e-12);
      EXPECT_LT((gradient.g - 2 * once.g).cwiseAbs().maxCoeff(), 1e-12);
    }
  }
}

TEST(LayerNorm, SaysWhatIsWrong) {
  const LayerNorm<float> norm({.size = 3});
  LayerNormTrace<float> trace;
  Matrix<float> X(2, 4);
  Matrix<float> Y(3, 4);
  try {
    norm.forward(X, Y, trace);
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(), "LayerNorm::forward: X is (2 x 4), expected (3 x 4)");
  }
  try {
    (void)LayerNorm<float>({.size = 3, .epsilon = -1});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "LayerNorm: epsilon is -1, expected 0 or more");
  }
  try {
    (void)LayerNorm<float>({.size = -3});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "LayerNorm: it would be (-3 x 1), expected sizes of 0 or more; look at the sizes "
                 "that its layer was made with");
  }
}

/// The sub-layer of the residual connection's test: y = A x, with its gradient in dA.
TEST(Residual, IsItsEquationThereAndBack) {
  for (const auto placement : {NormPlacement::before, NormPlacement::after}) {
    for (const double dropout : {0.0, 0.4}) {
      Random random(11);
      attend::Residual<double> around(
          {.norm = {.size = 4}, .placement = placement, .dropout = dropout});
      around.norm = norm_of<double>(4, NormKind::layer, random);
      const auto A = random_matrix<double>(random, 4, 4);
      const auto X = random_matrix<double>(random, 4, 5);
      const auto weights = random_matrix<double>(random, 4, 5);
      const auto pass = [&](const attend::Residual<double>& r, const Matrix<double>& x,
                            attend::ResidualTrace<double>& trace) {
        Random masks(5);
        Matrix<double> Y(4, 5);
        r.forward(x, Y, &masks, trace, [&](const auto& in, auto out) { out = A * in; });
        return Y;
      };
      attend::ResidualTrace<double> trace;
      const Matrix<double> Y = pass(around, X, trace);
      if (dropout == 0) {
        LayerNormTrace<double> own;
        Matrix<double> Z = X;
        if (placement == NormPlacement::before) {
          around.norm.forward(X, Z, own);
          Z = X + A * Z;
        } else {
          Z = X + A * X;
          around.norm.forward(Z, Z, own);
        }
        EXPECT_LT((Y - Z).cwiseAbs().maxCoeff(), 1e-12);
      }
      auto gradient = zero_like(around);
      Matrix<double> D = weights;
      around.backward(X, D, trace, gradient,
                      [&](const auto&, auto d_out, auto d_in) { d_in += A.transpose() * d_out; });
      attend::ResidualTrace<double> other;
      auto report = attend::check_parameters(around, gradient, [&](const auto& r) {
        return pass(r, X, other).cwiseProduct(weights).sum();
      });
      report.add(attend::check_input("X", X, D, [&](const auto& x) {
        return pass(around, x, other).cwiseProduct(weights).sum();
      }));
      EXPECT_TRUE(report.passed()) << report.message();
    }
  }
}

}  // namespace
