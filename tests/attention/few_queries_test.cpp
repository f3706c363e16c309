#include <limits>
#include <memory>
#include <reference/attention.hpp>
#include <reference/matrices.hpp>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/few_queries.hpp>
#include <attend/attention/window.hpp>
#include <attend/score/dot.hpp>

namespace {

using attend::Index;
using attend::Matrix;
using attend::Random;
using attend::View;
using attend::detail::OneQuery;
using reference::random_matrix;
using reference::same_bits;

template <class S>
struct Outcome {
  Matrix<S> context;
  Matrix<S> weights;
  S normaliser = 0;
};

/// One query's context, whichever machine this is.
template <class S>
Outcome<S> attend_one(const Matrix<S>& memory, attend::Queries<S> query, S scale, OneQuery way) {
  attend::AttentionWorkspace<S> workspace;
  Outcome<S> outcome{Matrix<S>::Constant(memory.rows(), 1, S{7}),
                     Matrix<S>::Zero(memory.cols(), 1)};
  View<S> weights(outcome.weights);
  const attend::Dot<S> score(scale);
  const attend::Full everything;
  const attend::MemoryView<S> view{memory, memory};
  const attend::detail::FewQueries<attend::Dot<S>, attend::Full> few(score, everything, view, query,
                                                                     workspace, way);
  few.attend(0, 1, outcome.context, &outcome.normaliser, &weights);
  return outcome;
}

template <class S>
void expect_same(const Matrix<S>& memory, const attend::Queries<S>& query, S scale) {
  const auto overlapped = attend_one<S>(memory, query, scale, OneQuery::overlapped);
  const auto in_turn = attend_one<S>(memory, query, scale, OneQuery::in_turn);
  EXPECT_TRUE(same_bits(memory.rows(), in_turn.context.data(), overlapped.context.data()));
  EXPECT_TRUE(same_bits(memory.cols(), in_turn.weights.data(), overlapped.weights.data()));
  EXPECT_TRUE(same_bits(1, &in_turn.normaliser, &overlapped.normaliser));
}

template <class S>
class OneQueryOf : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(OneQueryOf, Scalars);

TYPED_TEST(OneQueryOf, InnerProductsHasTheSameBitsEitherWay) {
  using S = TypeParam;
  Random random(1);
  for (const Index d : {1, 7, 16, 17, 64, 100, 512}) {
    for (const Index T : {0, 1, 7, 8, 9, 15, 50, 64, 65, 71, 72, 200}) {
      SCOPED_TRACE(testing::Message() << d << " features, " << T << " keys");
      const Matrix<S> memory = random_matrix<S>(random, d, T);
      const Matrix<S> query = random_matrix<S>(random, d, 1);
      std::vector<S> bias(static_cast<std::size_t>(T));
      const auto keep = std::make_unique<bool[]>(static_cast<std::size_t>(T) + 1);
      for (Index t = 0; t < T; ++t) {
        bias[static_cast<std::size_t>(t)] = static_cast<S>(random.normal());
        keep[static_cast<std::size_t>(t)] = random.below(4) > 0;
      }
      expect_same<S>(memory, {.A = query}, 1);
      expect_same<S>(memory, {.A = query}, S(0.3));
      expect_same<S>(memory, {.A = query, .bias = {bias.data(), 1, 0}}, 1);
      expect_same<S>(memory, {.A = query, .keep = {keep.get(), 1, 0}}, S(0.3));
    }
  }
}

TYPED_TEST(OneQueryOf, InnerProductsSeesRunsOfKeysThatBeginAndEndInAnyTile) {
  using S = TypeParam;
  using reference::Wide;
  Random random(2);
  const S scale{0.25};
  const double bound = std::is_same_v<S, float> ? 1e-5 : 1e-13;
  for (const Index d : {16, 100, 512}) {
    for (int round = 0; round < 30; ++round) {
      const auto T = static_cast<Index>(1 + random.below(300));
      SCOPED_TRACE(testing::Message() << d << " features, " << T << " keys, round " << round);
      const Matrix<S> memory = random_matrix<S>(random, d, T);
      const Matrix<S> query = random_matrix<S>(random, d, 1);
      const Wide K = memory.template cast<long double>();
      Wide E = scale * (K.transpose() * query.template cast<long double>());
      const auto keep = std::make_unique<bool[]>(static_cast<std::size_t>(T));
      bool seen = true;
      Index end = 0;
      for (Index t = 0; t < T; ++t) {
        if (t == end) {
          seen = t == 0 || !seen;
          end = t + 1 + static_cast<Index>(random.below(100));
        }
        keep[static_cast<std::size_t>(t)] = seen;
        if (!seen) E(t, 0) = -std::numeric_limits<long double>::infinity();
      }
      const auto expected = reference::attention(E, K, attend::Full{});
      for (const OneQuery way : {OneQuery::in_turn, OneQuery::overlapped}) {
        const auto outcome =
            attend_one<S>(memory, {.A = query, .keep = {keep.get(), 1, 0}}, scale, way);
        const Wide difference = outcome.context.template cast<long double>() - expected.contexts;
        EXPECT_LT(difference.cwiseAbs().maxCoeff(), bound);
        EXPECT_NEAR(outcome.normaliser, static_cast<double>(expected.normalisers[0]), 10 * bound);
      }
    }
  }
}

}  // namespace
