#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/core/random.hpp>

namespace {

using attend::Index;
using attend::Random;

static_assert(std::uniform_random_bit_generator<Random>);

/// Pearson's statistic against equal counts, in deviations of its distribution.
double surprise(const std::vector<Index>& counts) {
  const auto cells = static_cast<double>(counts.size());
  const double expected =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), Index{0})) / cells;
  double sum = 0;
  for (const Index count : counts) {
    const double difference = static_cast<double>(count) - expected;
    sum += difference * difference / expected;
  }
  return (sum - (cells - 1)) / std::sqrt(2 * (cells - 1));
}

TEST(Random, GivesTheNumbersOfSplitMix64) {
  Random zero(0);
  EXPECT_EQ(zero(), 0xE220A8397B1DCDAFU);
  EXPECT_EQ(zero(), 0x6E789E6AA1B965F4U);
  EXPECT_EQ(zero(), 0x06C45D188009454FU);
  Random seeded(1234567);
  EXPECT_EQ(seeded(), 6457827717110365317U);
  EXPECT_EQ(seeded(), 3203168211198807973U);
  EXPECT_EQ(seeded(), 9817491932198370423U);
}

TEST(Random, PinsWhatModelsAreMadeFrom) {
  Random random(42);
  EXPECT_EQ(random.fork(0)(), 2704548413004861485U);
  EXPECT_EQ(random.fork(1)(), 13570961024170898929U);
  EXPECT_EQ(random.uniform(), 0x1.7bae644c5fd6dp-1);
  EXPECT_EQ(random.below(1000), 291);
  EXPECT_NEAR(random.normal(), -0.45084987571886009, 1e-14);
  std::vector<int> items{0, 1, 2, 3, 4, 5, 6, 7};
  random.shuffle(items);
  EXPECT_EQ(items, (std::vector<int>{0, 6, 7, 5, 3, 1, 4, 2}));
}

TEST(Random, ContinuesFromItsState) {
  Random random(7);
  random.normal();
  Random copy(random.state());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(random(), copy());
}

TEST(Random, UniformFillsTheUnitIntervalEvenly) {
  Random random(1);
  std::vector<Index> counts(100);
  double least = 1;
  double most = 0;
  for (int i = 0; i < 200'000; ++i) {
    const double x = random.uniform();
    least = std::min(least, x);
    most = std::max(most, x);
    ++counts.at(static_cast<std::size_t>(x * 100));
  }
  EXPECT_GE(least, 0.0);
  EXPECT_LT(most, 1.0);
  EXPECT_LT(std::abs(surprise(counts)), 4);
}

TEST(Random, UniformStaysBetweenItsBounds) {
  Random random(2);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = random.uniform(-3, 5);
    ASSERT_GE(x, -3);
    ASSERT_LT(x, 5);
    sum += x;
  }
  EXPECT_NEAR(sum / 100'000, 1, 4 * 8 / std::sqrt(12.0 * 100'000));
}

TEST(Random, NeighbouringNumbersAreIndependent) {
  Random random(3);
  std::vector<Index> counts(16 * 16);
  auto last = static_cast<std::size_t>(random.uniform() * 16);
  for (int i = 0; i < 200'000; ++i) {
    const auto next = static_cast<std::size_t>(random.uniform() * 16);
    ++counts.at(last * 16 + next);
    last = next;
  }
  EXPECT_LT(std::abs(surprise(counts)), 5);
}

TEST(Random, BelowIsUniformForAwkwardRanges) {
  for (const Index n : {1, 2, 3, 7, 10, 100}) {
    Random random(static_cast<std::uint64_t>(n));
    std::vector<Index> counts(static_cast<std::size_t>(n));
    for (int i = 0; i < 60'000; ++i) ++counts.at(static_cast<std::size_t>(random.below(n)));
    if (n == 1) continue;
    EXPECT_LT(std::abs(surprise(counts)), 4.5) << n;
  }
}

TEST(Random, BelowHasNoBiasInALargeRange) {
  // A plain remainder of 64 bits would fall on the lower two thirds in 3 of 4 cases.
  const Index n = Index{3} << 61U;
  Random random(5);
  int lower_two_thirds = 0;
  for (int i = 0; i < 30'000; ++i) {
    const Index x = random.below(n);
    ASSERT_GE(x, 0);
    ASSERT_LT(x, n);
    lower_two_thirds += x < n / 3 * 2 ? 1 : 0;
  }
  EXPECT_NEAR(lower_two_thirds, 20'000, 4 * std::sqrt(30'000 * 2.0 / 9));
}

TEST(Random, NormalHasItsMoments) {
  Random random(6);
  const int n = 200'000;
  std::array<double, 4> moments{};
  for (int i = 0; i < n; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    double power = 1;
    for (double& moment : moments) moment += (power *= x) / n;
  }
  const double deviation = 1 / std::sqrt(static_cast<double>(n));
  EXPECT_NEAR(moments[0], 0, 4 * deviation);
  EXPECT_NEAR(moments[1], 1, 4 * std::sqrt(2.0) * deviation);
  EXPECT_NEAR(moments[2], 0, 4 * std::sqrt(15.0) * deviation);
  EXPECT_NEAR(moments[3], 3, 4 * std::sqrt(96.0) * deviation);
}

TEST(Random, ShuffleGivesEveryOrderEquallyOften) {
  Random random(8);
  std::vector<Index> counts(24);
  for (int i = 0; i < 48'000; ++i) {
    std::string order = "abcd";
    random.shuffle(order);
    std::string sorted = "abcd";
    std::size_t rank = 0;
    while (sorted != order) {
      ASSERT_TRUE(std::next_permutation(sorted.begin(), sorted.end())) << order;
      ++rank;
    }
    ++counts[rank];
  }
  EXPECT_LT(std::abs(surprise(counts)), 4);
}

TEST(Random, ShuffleOfNothingAndOfOneDrawsNothing) {
  Random random(9);
  const auto before = random.state();
  std::vector<int> none;
  std::vector<int> one{1};
  random.shuffle(none);
  random.shuffle(one);
  EXPECT_EQ(random.state(), before);
}

TEST(RandomFork, LeavesTheGeneratorAsItIs) {
  const Random random(10);
  (void)random.fork(3);
  EXPECT_EQ(random.state(), Random(10).state());
}

TEST(RandomFork, TheSameIndexGivesTheSameStream) {
  const Random random(11);
  Random a = random.fork(5);
  Random b = random.fork(5);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a(), b());
}

TEST(RandomFork, StreamsShareNoNumbers) {
  Random random(12);
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t stream = 0; stream < 100; ++stream) {
    Random fork = random.fork(stream);
    Random nested = fork.fork(stream);
    for (int i = 0; i < 100; ++i) {
      numbers.push_back(fork());
      numbers.push_back(nested());
    }
  }
  for (int i = 0; i < 1000; ++i) numbers.push_back(random());
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end());
}

TEST(RandomFork, StreamsAreUncorrelated) {
  // One number of each of many streams, and neighbouring streams side by side, are even.
  const Random random(13);
  std::vector<Index> pairs(16 * 16);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    Random a = random.fork(i);
    Random b = random.fork(i + 1);
    ++pairs.at(static_cast<std::size_t>(a.uniform() * 16) * 16 +
               static_cast<std::size_t>(b.uniform() * 16));
  }
  EXPECT_LT(std::abs(surprise(pairs)), 5);
}

}  // namespace
