
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "shapes.hpp"
#include <attend/train/clip.hpp>
#include <attend/train/shard_gradients.hpp>

namespace {

using attend::Index;
using attend::ThreadPool;

template <class S>
class Clip : public testing::Test {
 protected:
  static constexpr double tolerance = std::is_same_v<S, float> ? 2e-6 : 1e-13;

  static double plain_norm(const shapes::Parts<S>& parts) {
    double sum = 0;
    for (const double x : shapes::flat(parts)) sum += x * x;
    return std::sqrt(sum);
  }
};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(Clip, Scalars);

TYPED_TEST(Clip, NormIsTheRootOfAllSquares) {
  const auto parts = shapes::random_parts<TypeParam>(3);
  const double norm = attend::global_norm(parts);
  EXPECT_NEAR(norm, this->plain_norm(parts), this->tolerance * norm);
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(attend::global_norm(parts, pool), norm);
  }
}

TYPED_TEST(Clip, SquaresOfEveryLength) {
  for (const Index n : {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 127, 128, 129, 200}) {
    attend::Vector<TypeParam> x(n);
    double expected = 0;
    for (Index i = 0; i < n; ++i) {
      x(i) = static_cast<TypeParam>(i + 1);
      expected += static_cast<double>((i + 1) * (i + 1));
    }
    EXPECT_EQ(attend::detail::chunk_squares(n, x.data()), expected) << n;
    attend::Vector<TypeParam> y = 2 * x;
    EXPECT_EQ(attend::detail::add_chunk_and_square(n, y.data(), x.data()), 9 * expected) << n;
    EXPECT_EQ(y, 3 * x);
  }
}

TYPED_TEST(Clip, ScalesOnlyWhatIsTooLong) {
  const auto parts = shapes::random_parts<TypeParam>(4);
  const double norm = this->plain_norm(parts);

  auto same = parts;
  EXPECT_NEAR(attend::clip_by_global_norm(same, 2 * norm), norm, this->tolerance * norm);
  EXPECT_EQ(shapes::flat(same), shapes::flat(parts));
  attend::clip_by_global_norm(same, 0);
  EXPECT_EQ(shapes::flat(same), shapes::flat(parts));

  auto clipped = parts;
  ThreadPool pool(2);
  EXPECT_NEAR(attend::clip_by_global_norm(clipped, 1.5, pool), norm, this->tolerance * norm);
  EXPECT_NEAR(this->plain_norm(clipped), 1.5, 1.5 * this->tolerance);
  const auto before = shapes::flat(parts);
  const auto after = shapes::flat(clipped);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], before[i] * 1.5 / norm, this->tolerance);
  }
}

TYPED_TEST(Clip, SquaresThatOverflowTheScalar) {
  if (std::is_same_v<TypeParam, double>) GTEST_SKIP() << "sums are doubles";
  auto parts = shapes::random_parts<TypeParam>(5);
  parts.list[1].W(5, 7) = TypeParam(3e25);
  EXPECT_NEAR(attend::global_norm(parts), 3e25, 1e19);
  attend::clip_by_global_norm(parts, 1);
  EXPECT_NEAR(this->plain_norm(parts), 1, 1e-6);
}

TYPED_TEST(Clip, ReportsWhatIsNotFinite) {
  using Limits = std::numeric_limits<TypeParam>;
  for (const TypeParam bad : {Limits::quiet_NaN(), Limits::infinity()}) {
    auto parts = shapes::random_parts<TypeParam>(6);
    parts.list[1].W(66, 130) = bad;
    const TypeParam other = parts.list[2].W(0, 0);
    EXPECT_FALSE(std::isfinite(attend::clip_by_global_norm(parts, 1)));
    EXPECT_EQ(parts.list[2].W(0, 0), other);
  }
}

TYPED_TEST(Clip, ShardGradientsSumInATree) {
  for (const Index shards : {1, 2, 3, 4, 5, 8}) {
    std::vector<double> expected;
    std::vector<double> bits;
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      attend::ShardGradients gradients(shapes::random_parts<TypeParam>(0), shards);
      EXPECT_EQ(attend::squared_norm(gradients[shards - 1]), 0);
      expected.assign(shapes::flat(gradients[0]).size(), 0);
      for (Index i = 0; i < shards; ++i) {
        shapes::randomize(gradients[i], attend::Random(static_cast<std::uint64_t>(i)));
        const auto numbers = shapes::flat(gradients[i]);
        for (std::size_t k = 0; k < numbers.size(); ++k) expected[k] += numbers[k];
      }
      const double norm = gradients.sum(pool);
      const auto sum = shapes::flat(gradients[0]);
      for (std::size_t k = 0; k < sum.size(); ++k) {
        ASSERT_NEAR(sum[k], expected[k], 10 * this->tolerance);
      }
      EXPECT_NEAR(norm, this->plain_norm(gradients[0]), this->tolerance * norm);
      if (threads == 1) bits = sum;
      EXPECT_EQ(sum, bits);
    }
  }
}

TEST(ClipFactor, Cases) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(attend::clip_factor(4, 1), 0.25);
  EXPECT_EQ(attend::clip_factor(0.5, 1), 1);
  EXPECT_EQ(attend::clip_factor(0, 1), 1);
  EXPECT_EQ(attend::clip_factor(4, 0), 1);
  EXPECT_EQ(attend::clip_factor(infinite, 1), 1);
  EXPECT_EQ(attend::clip_factor(std::nan(""), 1), 1);
  try {
    (void)attend::clip_factor(1, -1);
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "clip_factor: limit is -1, expected 0 (none) or more");
  }
}

}  // namespace
