#include <reference/matrices.hpp>
#include <reference/scores.hpp>

#include <gtest/gtest.h>

#include <attend/score/additive.hpp>
#include <attend/score/concat.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using reference::random_matrix;

template <class S>
class Concat : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Concat, Scalars);

TYPED_TEST(Concat, WithSplitWeightsIsAdditiveWithoutABias) {
  using S = TypeParam;
  Random random(1);
  for (const Index d_e : {1, 8, 17, 65}) {
    attend::Concat<S> concat({5, 9, d_e}, random);
    attend::Additive<S> additive({5, 9, d_e, false}, random);
    additive.W = concat.W;
    additive.U = concat.U;
    additive.v = concat.v;
    const Matrix<S> H = random_matrix<S>(random, 9, 13);
    const Matrix<S> Q = random_matrix<S>(random, 5, 6);
    const auto energies = [&](const auto& score) {
      Matrix<S> K(d_e, 13);
      Matrix<S> A(d_e, 6);
      Matrix<S> E(13, 6);
      score.project_keys(H, K);
      score.project_queries(Q, A);
      score.energies(K, A, E);
      return E;
    };
    EXPECT_TRUE(reference::same_bits<S>(energies(concat), energies(additive))) << d_e;
  }
}

}  // namespace
