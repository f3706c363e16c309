#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace {

using attend::Index;
namespace packet = attend::packet;

const auto exponential = [](const auto& x) { return packet::exp(x); };
const auto exponential_of_softmax = [](const auto& x) { return packet::exp_of_softmax(x); };
const auto logistic = [](const auto& x) { return packet::sigmoid(x); };
const auto tangent = [](const auto& x) { return packet::tanh(x); };

long double exact_logistic(long double x) { return 1 / (1 + std::exp(-x)); }

/// f of one number, every element of the packet the same.
template <class S, class F>
S apply(F f, S x) {
  std::array<S, static_cast<std::size_t>(packet::width<S>)> elements;
  elements.fill(x);
  packet::store<S>(elements.data(), f(packet::load<S>(elements.data())));
  for (const S element : elements) {
    EXPECT_TRUE(std::memcmp(&element, elements.data(), sizeof(S)) == 0) << x;
  }
  return elements[0];
}

/// Numbers that cover [low, high] evenly, and by their logarithm down to the smallest normal one.
template <class S>
std::vector<S> grid(S low, S high) {
  std::vector<S> numbers;
  const int count = 100'000;
  for (int i = 0; i <= count; ++i) {
    numbers.push_back(low + (high - low) * static_cast<S>(i) / static_cast<S>(count));
  }
  const S step = sizeof(S) == 4 ? S{1.003F} : S{1.03F};
  for (S x = std::numeric_limits<S>::min(); x < std::max(high, -low); x *= step) {
    if (x <= high) numbers.push_back(x);
    if (-x >= low) numbers.push_back(-x);
  }
  return numbers;
}

template <class S>
long double unit_in_last_place(long double x) {
  const S magnitude = std::max(std::abs(static_cast<S>(x)), std::numeric_limits<S>::min());
  return std::nextafter(magnitude, std::numeric_limits<S>::infinity()) - magnitude;
}

struct Error {
  long double units = 0;
  long double epsilons = 0;
  long double relative_epsilons = 0;
};

/// The largest error over a grid: in units in the last place, absolute and relative in epsilons.
template <class S, class F, class G>
Error largest_error(F f, G exact, S low, S high) {
  const long double epsilon = std::numeric_limits<S>::epsilon();
  Error error;
  for (const S x : grid<S>(low, high)) {
    const long double expected = exact(static_cast<long double>(x));
    const long double difference = std::abs(static_cast<long double>(apply<S>(f, x)) - expected);
    error.units = std::max(error.units, difference / unit_in_last_place<S>(expected));
    error.epsilons = std::max(error.epsilons, difference / epsilon);
    error.relative_epsilons =
        std::max(error.relative_epsilons, difference / epsilon / std::abs(expected));
  }
  return error;
}

const auto exact_exp = [](long double x) { return std::exp(x); };
const auto exact_tanh = [](long double x) { return std::tanh(x); };

TEST(PacketAccuracy, OfExp) {
  EXPECT_LE(largest_error<float>(exponential, exact_exp, -87, 88).units, 2);
  EXPECT_LE(largest_error<double>(exponential, exact_exp, -708, 709).units, 2);
}

TEST(PacketAccuracy, OfExpOfSoftmax) {
  EXPECT_LE(largest_error<float>(exponential_of_softmax, exact_exp, -87, 0).epsilons, 1.5);
  for (const float limit : {0.1F, 1.F, 10.F, 80.F}) {
    EXPECT_LE(
        largest_error<float>(exponential_of_softmax, exact_exp, -limit, limit).relative_epsilons,
        1.5F + limit);
  }
  EXPECT_LE(largest_error<double>(exponential_of_softmax, exact_exp, -708, 80).units, 2);
}

TEST(PacketAccuracy, OfSigmoid) {
  EXPECT_LE(largest_error<float>(logistic, exact_logistic, -200, 200).epsilons, 1);
  for (const float limit : {0.1F, 1.F, 10.F, 87.F}) {
    EXPECT_LE(largest_error<float>(logistic, exact_logistic, -limit, 200).relative_epsilons,
              4 + limit);
  }
  EXPECT_LE(largest_error<double>(logistic, exact_logistic, -2000, 2000).epsilons, 1);
  EXPECT_LE(largest_error<double>(logistic, exact_logistic, -708, 2000).relative_epsilons, 6);
}

TEST(PacketAccuracy, OfTanh) {
  const Error single = largest_error<float>(tangent, exact_tanh, -12, 12);
  EXPECT_LE(single.units, 7);
  EXPECT_LE(single.epsilons, 4);
  EXPECT_LE(largest_error<float>(tangent, exact_tanh, -1e4F, 1e4F).epsilons, 4);
  EXPECT_LE(largest_error<double>(tangent, exact_tanh, -30, 30).epsilons, 2);
}

template <class S>
class Packets : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Packets, Scalars);

TYPED_TEST(Packets, ExtremesHaveTheirLimits) {
  using S = TypeParam;
  using Limits = std::numeric_limits<S>;
  for (const S x : {S{1e4F}, S{1e30F}, Limits::max(), Limits::infinity()}) {
    EXPECT_EQ(apply<S>(logistic, x), S{1}) << x;
    EXPECT_EQ(apply<S>(logistic, -x), S{0}) << x;
    EXPECT_NEAR(apply<S>(tangent, x), 1, Limits::epsilon()) << x;
    EXPECT_NEAR(apply<S>(tangent, -x), -1, Limits::epsilon()) << x;
    EXPECT_EQ(apply<S>(exponential, x), Limits::infinity()) << x;
    EXPECT_EQ(apply<S>(exponential, -x), S{0}) << x;
    EXPECT_EQ(apply<S>(exponential_of_softmax, x), Limits::infinity()) << x;
    EXPECT_EQ(apply<S>(exponential_of_softmax, -x), S{0}) << x;
  }
  for (const S x : {S{0}, -S{0}, Limits::denorm_min(), -Limits::denorm_min(), Limits::min()}) {
    EXPECT_EQ(apply<S>(exponential, x), S{1}) << x;
    EXPECT_NEAR(apply<S>(logistic, x), 0.5, Limits::epsilon()) << x;
    EXPECT_NEAR(apply<S>(tangent, x), x, Limits::epsilon()) << x;
  }
}

TYPED_TEST(Packets, NotANumberStaysNotANumber) {
  using S = TypeParam;
  const S nan = std::numeric_limits<S>::quiet_NaN();
  EXPECT_TRUE(std::isnan(apply<S>(exponential, nan)));
  EXPECT_TRUE(std::isnan(apply<S>(logistic, nan)));
  EXPECT_TRUE(std::isnan(apply<S>(tangent, nan)));
}

TYPED_TEST(Packets, AHiddenKeyWeighsNothingAndTheLargestOne) {
  using S = TypeParam;
  using Limits = std::numeric_limits<S>;
  for (const S x : {S{-1e4F}, S{-1e30F}, -Limits::max(), -Limits::infinity()}) {
    EXPECT_EQ(apply<S>(exponential_of_softmax, x), S{0}) << x;
  }
  for (const S x : {S{0}, -S{0}}) EXPECT_EQ(apply<S>(exponential_of_softmax, x), S{1}) << x;
  for (const S x : grid<S>(-100, 0)) ASSERT_LE(apply<S>(exponential_of_softmax, x), S{1}) << x;
  EXPECT_TRUE(std::isnan(apply<S>(exponential_of_softmax, Limits::quiet_NaN())));
}

TYPED_TEST(Packets, StayInTheirRange) {
  using S = TypeParam;
  for (const S x : grid<S>(-100, 100)) {
    const S y = apply<S>(tangent, x);
    ASSERT_TRUE(y >= -1 && y <= 1) << x;
    const S z = apply<S>(logistic, x);
    ASSERT_TRUE(z >= 0 && z <= 1) << x;
  }
}

TYPED_TEST(Packets, SumLargestAndFill) {
  using S = TypeParam;
  constexpr Index w = packet::width<S>;
  std::vector<S> elements;
  for (Index i = 0; i < w; ++i) elements.push_back(static_cast<S>(i * (i % 2 == 0 ? 1 : -1)));
  const auto x = packet::load<S>(elements.data());
  EXPECT_EQ(packet::largest(x), *std::max_element(elements.begin(), elements.end()));
  EXPECT_EQ(packet::sum(x), -static_cast<S>(w / 2));
  EXPECT_EQ(packet::sum(packet::fill<S>(3)), static_cast<S>(3 * w));
  const auto y = packet::multiply_add(x, packet::fill<S>(2), packet::fill<S>(1));
  std::vector<S> stored(static_cast<std::size_t>(w));
  packet::store<S>(stored.data(), y);
  for (std::size_t i = 0; i < stored.size(); ++i) EXPECT_EQ(stored[i], 2 * elements[i] + 1);
}

TYPED_TEST(Packets, LanesCoverEveryElementOnce) {
  using S = TypeParam;
  constexpr Index w = packet::width<S>;
  for (Index n = 0; n <= 4 * w + 1; ++n) {
    std::vector<S> counts(static_cast<std::size_t>(n + w), S{0});
    packet::for_each_lane<S>(n, [&](auto lane) { lane.add(counts.data(), packet::fill<S>(1)); });
    for (Index i = 0; i < n + w; ++i) {
      EXPECT_EQ(counts[static_cast<std::size_t>(i)], i < n ? S{1} : S{0}) << i << " of " << n;
    }
  }
}

/// Memory of exactly the size that is meant, so that a sanitizer sees what goes beyond.
TYPED_TEST(Packets, PartialLanesHaveTheBitsOfFullOnes) {
  using S = TypeParam;
  constexpr Index w = packet::width<S>;
  for (Index n = 1; n <= 3 * w + 1; ++n) {
    std::vector<S> x(static_cast<std::size_t>(n));
    std::vector<S> padded(static_cast<std::size_t>((n + w - 1) / w * w), S{-5});
    for (Index i = 0; i < n; ++i) {
      const S value = static_cast<S>(std::sin(static_cast<double>(i * 7 + n)) * 9);
      x[static_cast<std::size_t>(i)] = padded[static_cast<std::size_t>(i)] = value;
    }
    const auto all = [](const auto& p) {
      const auto sum = packet::multiply_add(packet::exp(p), packet::tanh(p), packet::sigmoid(p));
      return packet::pdiv(sum, packet::padd(packet::pmul(p, p), packet::fill<S>(1)));
    };
    std::vector<S> y(x.size());
    packet::for_each_lane<S>(n, [&](auto lane) { lane.store(y.data(), all(lane.load(x.data()))); });
    for (Index i = 0; i < n; i += w) {
      S* p = padded.data() + i;
      packet::store<S>(p, all(packet::load<S>(p)));
    }
    EXPECT_EQ(std::memcmp(y.data(), padded.data(), y.size() * sizeof(S)), 0) << n;
  }
}

TYPED_TEST(Packets, PartialLanesKnowWhatIsNotTheirs) {
  using S = TypeParam;
  constexpr Index w = packet::width<S>;
  for (Index count = 1; count < w; ++count) {
    const std::vector<S> x(static_cast<std::size_t>(3 + count), S{2});
    const packet::PartialLane<S> lane{3, count};
    const auto loaded = lane.load(x.data());
    EXPECT_EQ(packet::sum(loaded), static_cast<S>(2 * count)) << "zero beyond";
    EXPECT_EQ(packet::sum(lane.inside(loaded, 7)), static_cast<S>(2 * count + 7 * (w - count)));
  }
  const packet::Lane<S> full{0};
  EXPECT_EQ(packet::sum(full.inside(packet::fill<S>(2), 7)), static_cast<S>(2 * w));
}

}  // namespace
