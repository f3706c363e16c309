#include <cmath>
#include <limits>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/layer/projection.hpp>
#include <attend/testing/gradient_check.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Projection;
using attend::ProjectionActivation;
using attend::Random;
using reference::random_matrix;

constexpr ProjectionActivation all[] = {ProjectionActivation::linear, ProjectionActivation::tanh,
                                        ProjectionActivation::relu};

template <class S>
class ProjectionActivations : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ProjectionActivations, Scalars);

TYPED_TEST(ProjectionActivations, AreTheirFunctions) {
  using S = TypeParam;
  Random random(1);
  for (const Index rows : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65}) {
    const Matrix<S> X = 3 * random_matrix<S>(random, rows, 3);
    for (const ProjectionActivation f : all) {
      Matrix<S> Y = X;
      attend::detail::project_through<S>(f, Y);
      for (Index i = 0; i < X.size(); ++i) {
        const double x = X.data()[i];
        const double y = f == ProjectionActivation::tanh   ? std::tanh(x)
                         : f == ProjectionActivation::relu ? std::max(x, 0.0)
                                                           : x;
        ASSERT_NEAR(Y.data()[i], y, 8 * std::numeric_limits<S>::epsilon());
      }
    }
  }
}

TEST(Projections, HaveTheirGradients) {
  for (const ProjectionActivation f : all) {
    Random random(2);
    Projection<double> projection({.input = 5, .output = 7}, f, random);
    attend::initialize_uniform(projection.dense.b, 0.5, random);
    const Matrix<double> X = random_matrix<double>(random, 5, 4);
    const Matrix<double> weights = random_matrix<double>(random, 7, 4);
    Matrix<double> Y(7, 4);
    const auto loss = [&](const Projection<double>& p, const Matrix<double>& x) {
      p.forward(x, Y);
      return Y.cwiseProduct(weights).sum();
    };
    loss(projection, X);
    auto transposed = projection;
    attend::assign_transposed(projection, transposed);
    auto gradient = attend::zero_like(projection);
    const Matrix<double> before = Matrix<double>::Constant(5, 4, 2);
    Matrix<double> dX = before;
    Matrix<double> dY = weights;
    projection.backward(transposed, X, Matrix<double>(Y), dY, dX, gradient);
    dX -= before;
    auto report =
        attend::check_parameters(projection, gradient, [&](const auto& p) { return loss(p, X); });
    report.add(attend::check_input("X", X, dX, [&](const auto& x) { return loss(projection, x); }));
    EXPECT_TRUE(report.passed()) << report.message();
    EXPECT_EQ(projection.activation(), f);
    EXPECT_EQ(projection.input_size(), 5);
    EXPECT_EQ(projection.output_size(), 7);
  }
}

}  // namespace
