#include <limits>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include "reference/product.hpp"
#include <attend/layer/dense.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Dense;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::ShapeError;
using reference::random_matrix;
using reference::same_bits;

template <class S>
class DenseLayer : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(DenseLayer, Scalars);

template <class S>
Dense<S> dense(Index input, Index output, Random& random) {
  Dense<S> layer({.input = input, .output = output}, random);
  layer.b = random_matrix<S>(random, output, 1);
  return layer;
}

TYPED_TEST(DenseLayer, IsAnAffineMap) {
  using S = TypeParam;
  for (const Index size : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65}) {
    Random random(static_cast<std::uint64_t>(size));
    for (const auto& [input, output] : {std::pair<Index, Index>{size, 5}, {5, size}}) {
      const auto layer = dense<S>(input, output, random);
      const auto X = random_matrix<S>(random, input, 4);
      Matrix<S> Y(output, 4);
      layer.forward(X, Y);
      const Matrix<S> biases = layer.b.replicate(1, 4);
      reference::expect_product(
          Y, biases, input, [&](Index i, Index k) { return layer.W(i, k); },
          [&](Index k, Index j) { return X(k, j); });
    }
  }
}

TYPED_TEST(DenseLayer, GivesAColumnTheSameBitsInAnyBatch) {
  using S = TypeParam;
  Random random(3);
  const auto layer = dense<S>(33, 19, random);
  const auto X = random_matrix<S>(random, 33, 13);
  Matrix<S> Y(19, 13);
  layer.forward(X, Y);
  for (Index j = 0; j < 13; ++j) {
    Matrix<S> y(19, 1);
    layer.forward(X.col(j), y);
    EXPECT_TRUE(same_bits(y, Matrix<S>(Y.col(j)))) << j;
  }
}

TYPED_TEST(DenseLayer, BeginsWithinGlorotsBound) {
  using S = TypeParam;
  Random random(4);
  const Dense<S> layer({.input = 30, .output = 20}, random);
  const S bound = std::sqrt(S{6} / S{50});
  EXPECT_LE(layer.W.matrix().cwiseAbs().maxCoeff(), bound);
  EXPECT_GT(layer.W.matrix().cwiseAbs().maxCoeff(), S{0.9F} * bound);
  EXPECT_EQ(layer.b, attend::Vector<S>::Zero(20));
}

TEST(DenseGradient, IsThatOfTheMap) {
  for (const auto& [input, output] : {std::pair<Index, Index>{3, 5}, {17, 9}, {1, 1}}) {
    Random random(5);
    const auto layer = dense<double>(input, output, random);
    const auto X = random_matrix<double>(random, input, 4);
    const auto weights = random_matrix<double>(random, output, 4);
    const auto loss = [&](const Dense<double>& l, const Matrix<double>& x) {
      Matrix<double> Y(weights.rows(), 4);
      l.forward(x, Y);
      return (weights.array() * Y.array().square()).sum();
    };
    Matrix<double> Y(output, 4);
    layer.forward(X, Y);
    const Matrix<double> dY = 2 * weights.array() * Y.array();
    auto transposed = layer;
    attend::assign_transposed(layer, transposed);
    auto gradient = zero_like(layer);
    Matrix<double> dX = Matrix<double>::Zero(X.rows(), 4);
    layer.backward(transposed, X, dY, dX, gradient);
    auto report =
        attend::check_parameters(layer, gradient, [&](const auto& l) { return loss(l, X); });
    report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(layer, x); }));
    EXPECT_TRUE(report.passed()) << report.message();

    const Matrix<double> once = dX;
    const Matrix<double> dW = gradient.W.matrix();
    layer.backward(transposed, X, dY, dX, gradient);
    EXPECT_TRUE(dX.isApprox(2 * once, 1e-14)) << "backward adds";
    EXPECT_TRUE(gradient.W.matrix().isApprox(2 * dW, 1e-14));
  }
}

TEST(DenseShapes, AreChecked) {
  Random random(6);
  const auto layer = dense<float>(3, 5, random);
  const Matrix<float> X = Matrix<float>::Zero(3, 2);
  Matrix<float> Y(5, 2);
  const auto message = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const ShapeError& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(message([&] { layer.forward(Matrix<float>::Zero(4, 2).eval(), Y); }),
            "multiply_add: X is (4 x 2), expected (3 x 2)");
  Matrix<float> narrow(5, 1);
  EXPECT_EQ(message([&] { layer.forward(X, narrow); }),
            "Dense::forward: Y is (5 x 1), expected (5 x 2)");
  Matrix<float> low(4, 2);
  EXPECT_EQ(message([&] { layer.forward(X, low); }),
            "Dense::forward: Y is (4 x 2), expected (5 x 2)");
  auto transposed = layer;
  attend::assign_transposed(layer, transposed);
  auto gradient = zero_like(layer);
  Matrix<float> dX = X;
  EXPECT_EQ(message([&] { layer.backward(transposed, X, low, dX, gradient); }),
            "multiply_add: X is (4 x 2), expected (5 x 2)");
}

}  // namespace
