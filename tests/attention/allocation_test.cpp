#include <reference/count_allocations.hpp>
#include <reference/matrices.hpp>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/attention.hpp>
#include <attend/score/any_score.hpp>

namespace {

using attend::AnyScore;
using attend::Attention;
using attend::AttentionWorkspace;
using attend::Causal;
using attend::Full;
using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::View;

template <class W>
class WarmAttention : public testing::Test {};
using Windows = testing::Types<Full, Causal>;
TYPED_TEST_SUITE(WarmAttention, Windows);

std::vector<AnyScore<float>> scores(Random& random) {
  return {attend::Additive<float>({8, 8, 9}, random), attend::Concat<float>({8, 8, 9}, random),
          attend::General<float>({8, 8, 0}, random), attend::Dot<float>()};
}

TYPED_TEST(WarmAttention, AllocatesNothing) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  Random random(1);
  for (const auto& score : scores(random)) {
    const Attention attention(score, TypeParam{});
    const Matrix<float> H = reference::random_matrix<float>(random, 8, 130);
    const Matrix<float> Q = reference::random_matrix<float>(random, 8, 35);
    AttentionWorkspace<float> workspace;
    Matrix<float> C(8, 35);
    Matrix<float> weights(130, 35);
    View<float> alignment(weights);
    const auto pass = [&](Index T, Index U) {
      attention.attend(H.leftCols(T), Q.leftCols(U), C.leftCols(U), workspace);
      View<float> part(weights.topLeftCorner(T, U));
      attention.attend(H.leftCols(T), Q.leftCols(U), C.leftCols(U), workspace, &part);
    };
    EXPECT_GT(reference::allocations_in([&] { pass(130, 35); }), 0);
    EXPECT_EQ(reference::allocations_in([&] {
                pass(130, 35);
                pass(1, 1);
                pass(65, 33);
              }),
              0);
  }
}

TYPED_TEST(WarmAttention, AllocatesNothingOnItsWayBack) {
  if (!ATTEND_TEST_COUNTS_ALLOCATIONS) GTEST_SKIP() << "malloc cannot be counted here";
  Random random(2);
  for (const auto& score : scores(random)) {
    const Attention attention(score, TypeParam{});
    attend::Memory<float> memory;
    const std::vector<Index> lengths = {70};
    memory.resize(lengths, 8, attention.key_size(8));
    memory.values() = reference::random_matrix<float>(random, 8, 70);
    attention.project_keys(memory);
    const Matrix<float> Q = reference::random_matrix<float>(random, 8, 35);
    Matrix<float> A(memory[0].keys.rows(), 35);
    attention.project_queries(Q, A);
    Matrix<float> C(8, 35);
    AttentionWorkspace<float> workspace;
    std::vector<float> normalisers(35);
    attention.attend(memory[0], {A}, C, workspace, normalisers);
    attend::Memory<float> d_memory;
    d_memory.zero_like(memory);
    Matrix<float> dA = Matrix<float>::Zero(A.rows(), 35);
    Matrix<float> dQ = Matrix<float>::Zero(8, 35);
    auto gradient = attend::zero_like(attention);
    auto transposed = attention;
    attend::assign_transposed(attention, transposed);
    const auto backward = [&] {
      attention.backward(memory[0], {A}, {C, normalisers}, C, dA, d_memory.gradient(0), gradient,
                         workspace);
      attention.project_queries_backward(transposed, Q, dA, dQ, gradient);
      attention.project_keys_backward(transposed, memory, d_memory, gradient);
    };
    backward();
    EXPECT_EQ(reference::allocations_in(backward), 0);
  }
}

}  // namespace
