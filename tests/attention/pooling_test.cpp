#include <reference/differences.hpp>
#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/attention/plain_pooling.hpp>
#include <attend/attention/pooling.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Pooling;
using attend::Random;
using reference::random_matrix;

TEST(Pooling, IsItsEquation) {
  for (const Index T : {1, 2, 9, 65}) {
    for (const Index hops : {1, 3, 20}) {
      Random random(static_cast<std::uint64_t>(T));
      const Pooling<double> pooling({5, 7, hops}, random);
      const Matrix<double> H = random_matrix<double>(random, 5, T);
      Matrix<double> W_1(7, 5);
      for (Index j = 0; j < 5; ++j) {
        for (Index i = 0; i < 7; ++i) W_1(i, j) = pooling.W_1(i, j);
      }
      const Matrix<double> E = (W_1 * H).array().tanh().matrix().transpose() * pooling.Q;
      Matrix<double> A = E.array().exp();
      for (Index r = 0; r < hops; ++r) A.col(r) /= A.col(r).sum();
      Matrix<double> M(5, hops);
      attend::PoolingTrace<double> trace;
      pooling.forward(H, M, trace);
      EXPECT_TRUE(M.isApprox(H * A, 1e-12));
      EXPECT_TRUE(pooling.weights(trace).isApprox(A, 1e-12));
      const Matrix<double> P = A.transpose() * A - Matrix<double>::Identity(hops, hops);
      EXPECT_NEAR(pooling.penalty(trace), P.squaredNorm(), 1e-12 * static_cast<double>(hops));
    }
  }
}

TEST(Pooling, HasItsGradients) {
  Random random(2);
  Pooling<double> pooling({4, 6, 3}, random);
  Matrix<double> H = random_matrix<double>(random, 4, 7);
  const Matrix<double> dM = random_matrix<double>(random, 4, 3);
  attend::PoolingTrace<double> trace;
  Matrix<double> M(4, 3);
  const auto f = [&] {
    pooling.forward(H, M, trace);
    return M.cwiseProduct(dM).sum() + 0.7 * pooling.penalty(trace);
  };
  f();
  auto transposed = pooling;
  attend::assign_transposed(pooling, transposed);
  auto gradient = attend::zero_like(pooling);
  Matrix<double> dH = Matrix<double>::Zero(4, 7);
  pooling.backward(transposed, H, dM, 0.7, dH, trace, gradient);
  reference::expect_gradient("H", H, dH, f);
  reference::expect_parameter_gradients(pooling, gradient, f);
}

TEST(Pooling, OfNothingIsZero) {
  Random random(3);
  const Pooling<float> pooling({4, 6, 2}, random);
  Matrix<float> M = Matrix<float>::Constant(4, 2, 7);
  attend::PoolingTrace<float> trace;
  pooling.forward(Matrix<float>(4, 0), M, trace);
  EXPECT_EQ(M, Matrix<float>::Zero(4, 2));
  EXPECT_THROW(Pooling<float>({4, 6, 0}, random), std::invalid_argument);
}

TEST(PlainPooling, IsMeanMaximumAndWhereDirectionsEnd) {
  for (const Index T : {1, 2, 9, 65}) {
    Random random(static_cast<std::uint64_t>(T));
    const Matrix<double> H = random_matrix<double>(random, 5, T);
    Matrix<double> M(5, 1);
    attend::PlainPoolingTrace<double> trace;
    attend::MeanPooling<double>().forward(H, M, trace);
    EXPECT_TRUE(M.isApprox(H.rowwise().mean(), 1e-14));
    EXPECT_TRUE(M.isApprox(H * trace.weights.view(), 1e-14));
    attend::MaxPooling<double>().forward(H, M, trace);
    EXPECT_EQ(M, H.rowwise().maxCoeff());
    EXPECT_NEAR(trace.weights.view().sum(), 1, 1e-14);
    attend::LastPooling<double>{{}, 2}.forward(H, M, trace);
    EXPECT_EQ(M.topRows(2), H.topRightCorner(2, 1));
    EXPECT_EQ(M.bottomRows(3), H.bottomLeftCorner(3, 1));
    EXPECT_NEAR(trace.weights.view()(T - 1, 0), T == 1 ? 1 : 0.4, 1e-14);
  }
}

}  // namespace
