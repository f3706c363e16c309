#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/core/random.hpp>
#include <attend/search/log_normaliser.hpp>

namespace {

using attend::Index;
using attend_test::message_of;

template <class S>
class LogNormaliser : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LogNormaliser, Scalars);

template <class S>
double normaliser(const std::vector<S>& x) {
  return attend::detail::log_normaliser<S>(
      attend::detail::LogitColumn<S>(x.data(), static_cast<Index>(x.size())), 3, 7);
}

TYPED_TEST(LogNormaliser, IsTheLogOfTheSum) {
  attend::Random random(5);
  for (const std::size_t size : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 65, 8001}) {
    for (const double far : {0.0, 1e4, -1e4}) {
      std::vector<TypeParam> x(size);
      double sum = 0;
      for (auto& v : x) {
        v = static_cast<TypeParam>(far + 3 * random.normal());
        sum += std::exp(static_cast<double>(v) - far);
      }
      const double expected = far + std::log(sum);
      const double epsilon = std::numeric_limits<TypeParam>::epsilon();
      EXPECT_NEAR(normaliser(x), expected, 30 * epsilon) << size << " " << far;
    }
  }
}

TYPED_TEST(LogNormaliser, LogProbabilitiesAreNeverAboveZero) {
  attend::Random random(6);
  for (int i = 0; i < 2000; ++i) {
    std::vector<TypeParam> x(1 + static_cast<std::size_t>(random.below(20)));
    for (auto& v : x) v = static_cast<TypeParam>(std::pow(10.0, random.uniform(-5, 4)));
    for (const auto v : x) EXPECT_LE(static_cast<double>(v) - normaliser(x), 0);
  }
  EXPECT_EQ(normaliser<TypeParam>({5}), 5);
}

TYPED_TEST(LogNormaliser, MinusInfinityHasNoMass) {
  const auto banned = -std::numeric_limits<TypeParam>::infinity();
  EXPECT_NEAR(normaliser<TypeParam>({banned, 0, banned, 0, banned}), std::log(2.0), 1e-6);
}

TYPED_TEST(LogNormaliser, HasTheSameBitsWhereverTheColumnLies) {
  attend::Random random(7);
  std::vector<TypeParam> x(37);
  for (auto& v : x) v = static_cast<TypeParam>(random.normal());
  const double expected = normaliser(x);
  std::vector<TypeParam> room(64);
  for (Index shift = 0; shift < 20; ++shift) {
    std::copy(x.begin(), x.end(), room.begin() + shift);
    EXPECT_EQ(attend::detail::log_normaliser<TypeParam>({room.data() + shift, 37}, 1, 0), expected);
  }
}

TYPED_TEST(LogNormaliser, HasTheSameBitsBeforeWhatALongerSourceOfABatchLeavesEmpty) {
  attend::Random random(8);
  for (std::size_t n = 1; n < 40; ++n) {
    std::vector<TypeParam> x(n);
    for (auto& v : x) v = static_cast<TypeParam>(random.normal());
    const double alone = normaliser(x);
    while (x.size() < 80) {
      x.push_back(-std::numeric_limits<TypeParam>::infinity());
      ASSERT_EQ(normaliser(x), alone) << n << " logits of " << x.size();
    }
  }
}

TYPED_TEST(LogNormaliser, NamesStepAndSentenceOfWhatIsNoNumber) {
  const auto inf = std::numeric_limits<TypeParam>::infinity();
  const auto nan = std::numeric_limits<TypeParam>::quiet_NaN();
  const std::string tail =
      " at step 3 of sentence 7; check the model's parameters, or that they belong to this model";
  for (const std::size_t place : {0, 5, 16, 18}) {
    std::vector<TypeParam> x(19, TypeParam(1));
    x[place] = nan;
    EXPECT_EQ(message_of<attend::NonFiniteError>([&] { (void)normaliser(x); }),
              "search: a logit is NaN" + tail);
    x[place] = inf;
    EXPECT_EQ(message_of<attend::NonFiniteError>([&] { (void)normaliser(x); }),
              "search: a logit is +Inf" + tail);
  }
  EXPECT_EQ(message_of<attend::NonFiniteError>([&] {
              (void)normaliser<TypeParam>({-inf, -inf, -inf});
            }),
            "search: all logits are -Inf" + tail);
  EXPECT_EQ(message_of<attend::NonFiniteError>([&] {
              (void)normaliser<TypeParam>({-inf, nan});
            }),
            "search: a logit is NaN" + tail);
}

}  // namespace
