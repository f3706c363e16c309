#include <cmath>

#include <gtest/gtest.h>

#include <attend/loss/loss.hpp>

namespace {

using attend::Loss;

TEST(Loss, AddsUpAndIsDividedOnce) {
  Loss loss = Loss{3, 2} + Loss{1.5, 1};
  loss += Loss{0, 0};
  EXPECT_EQ(loss.nats, 4.5);
  EXPECT_EQ(loss.tokens, 3);
  EXPECT_EQ(loss.per_token(), 1.5);
  EXPECT_EQ(loss.perplexity(), std::exp(1.5));
}

TEST(Loss, OfNoTokensIsNothing) {
  EXPECT_EQ(Loss{}.per_token(), 0);
  EXPECT_EQ(Loss{}.perplexity(), 1);
}

}  // namespace
