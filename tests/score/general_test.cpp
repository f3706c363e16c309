#include <reference/matrices.hpp>

#include <gtest/gtest.h>

#include <attend/score/dot.hpp>
#include <attend/score/general.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using reference::random_matrix;

template <class S>
class General : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(General, Scalars);

TYPED_TEST(General, WithTheIdentityIsDot) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 8, 17, 65}) {
    attend::General<S> general({d, d, 0}, random);
    general.W_a = Matrix<S>::Identity(d, d);
    const Matrix<S> H = random_matrix<S>(random, d, 13);
    const Matrix<S> Q = random_matrix<S>(random, d, 6);
    Matrix<S> K(d, 13);
    Matrix<S> E(13, 6);
    Matrix<S> dot(13, 6);
    general.project_keys(H, K);
    general.energies(K, Q, E);
    attend::Dot<S>().energies(H, Q, dot);
    EXPECT_TRUE(reference::same_bits(E, dot)) << d;
  }
}

}  // namespace
