#include <cmath>
#include <limits>
#include <random>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/view/chart_axis.hpp>

namespace {

using attend::chart_axis;
using attend::ChartAxis;
using Labels = std::vector<std::string>;

TEST(ChartAxis, RoundNumbers) {
  EXPECT_EQ(chart_axis(0, 43.1).labels, (Labels{"0", "10", "20", "30", "40", "50"}));
  EXPECT_EQ(chart_axis(0, 1).labels, (Labels{"0", "0.2", "0.4", "0.6", "0.8", "1"}));
  EXPECT_EQ(chart_axis(0, 100).labels, (Labels{"0", "20", "40", "60", "80", "100"}));
  EXPECT_EQ(chart_axis(0, 12).labels, (Labels{"0", "2.5", "5", "7.5", "10", "12.5"}));
  EXPECT_EQ(chart_axis(-4, 41).labels, (Labels{"-10", "0", "10", "20", "30", "40", "50"}));
  EXPECT_EQ(chart_axis(0, 0).last, 0.2);
}

TEST(ChartAxis, HoldsItsBoundsInFewEqualSteps) {
  std::mt19937 random(17);
  std::uniform_real_distribution<double> exponent(-6, 9);
  for (int trial = 0; trial < 2000; ++trial) {
    const double high = std::pow(10, exponent(random));
    const double low = trial % 3 == 0 ? -std::pow(10, exponent(random)) : 0;
    const ChartAxis axis = chart_axis(low, high);
    const double step = axis.ticks[1] - axis.ticks[0];
    ASSERT_LE(axis.first, low + 1e-6 * step);
    ASSERT_GE(axis.last, high - 1e-6 * step);
    ASSERT_GE(axis.ticks.size(), 3U);
    ASSERT_LE(axis.ticks.size(), 8U);
    for (std::size_t i = 1; i < axis.ticks.size(); ++i) {
      ASSERT_NEAR(axis.ticks[i] - axis.ticks[i - 1], step, 1e-9 * step);
      ASSERT_NE(axis.labels[i], axis.labels[i - 1]);
      ASSERT_NEAR(std::stod(axis.labels[i]), axis.ticks[i], 1e-6 * step);
    }
  }
}

TEST(ChartAxis, BoundsThatAreNoneAreRefused) {
  const auto thrown = [](double low, double high) {
    return reference::message_of([&] { (void)chart_axis(low, high); });
  };
  EXPECT_EQ(thrown(2, 1), "chart_axis: the bounds are 2 and 1, expected finite numbers in order");
  EXPECT_EQ(thrown(0, std::numeric_limits<double>::infinity()),
            "chart_axis: the bounds are 0 and inf, expected finite numbers in order");
}

}  // namespace
