#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/search/length.hpp>

namespace {

using attend::Index;
using attend::LengthLimit;
using attend::LengthPenalty;
using attend_test::message_of;

TEST(LengthLimit, GrowsWithTheSourceUpToItsCap) {
  EXPECT_EQ(LengthLimit{}(0), 10);
  EXPECT_EQ(LengthLimit{}(7), 24);
  EXPECT_EQ((LengthLimit{.factor = 1.5, .offset = 3}(5)), 10);
  EXPECT_EQ((LengthLimit{.factor = 0, .offset = 4}(1000)), 4);
  EXPECT_EQ((LengthLimit{.cap = 15}(2)), 14);
  EXPECT_EQ((LengthLimit{.cap = 15}(3)), 15);
  EXPECT_EQ((LengthLimit{.cap = 5}(0)), 5);
  EXPECT_EQ((LengthLimit{.factor = 1e300}(9)), std::numeric_limits<Index>::max());
}

TEST(LengthLimit, SaysWhatIsOutOfRange) {
  const auto check = [](LengthLimit limit) {
    return message_of<std::invalid_argument>([&] { limit.check(); });
  };
  EXPECT_EQ(check({.factor = -1}), "max_length.factor is -1, expected 0 or more");
  EXPECT_EQ(check({.factor = std::nan("")}), "max_length.factor is nan, expected 0 or more");
  EXPECT_EQ(check({.offset = 0}), "max_length.offset is 0, expected 1 or more");
  EXPECT_EQ(check({.cap = 0}), "max_length.cap is 0, expected 1 or more");
}

TEST(LengthPenalty, IsTheFormula) {
  EXPECT_EQ(LengthPenalty::none()(1), 1);
  EXPECT_EQ(LengthPenalty::none()(50), 1);
  EXPECT_EQ(LengthPenalty::wu(0.6)(1), 1);
  EXPECT_NEAR(LengthPenalty::wu(0.6)(20), std::pow(25.0, 0.6) / std::pow(6.0, 0.6), 1e-14);
  EXPECT_EQ(LengthPenalty::power(1)(20), 20);
  EXPECT_NEAR(LengthPenalty::power(0.5)(20), std::sqrt(20.0), 1e-14);
  EXPECT_EQ(LengthPenalty::power(0)(20), 1);
}

TEST(LengthPenalty, NeverFalls) {
  for (const double alpha : {0.0, 0.2, 0.6, 1.0, 2.0})
    for (Index n = 1; n < 300; ++n) {
      EXPECT_GE(LengthPenalty::wu(alpha)(n + 1), LengthPenalty::wu(alpha)(n));
      EXPECT_GE(LengthPenalty::power(alpha)(n + 1), LengthPenalty::power(alpha)(n));
    }
}

TEST(LengthPenalty, SaysWhatIsOutOfRange) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { (void)LengthPenalty::wu(-0.5); }),
            "length_penalty: alpha is -0.5, expected a finite number, 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([] { (void)LengthPenalty::power(HUGE_VAL); }),
            "length_penalty: alpha is inf, expected a finite number, 0 or more");
}

}  // namespace
