#include <vector>

#include <gtest/gtest.h>

#include "train/shapes.hpp"
#include <attend/train/parameter_average.hpp>

namespace {

template <class S>
class ParameterAverages : public testing::Test {};
using Scalars = testing::Types<float, double>;
TYPED_TEST_SUITE(ParameterAverages, Scalars);

TYPED_TEST(ParameterAverages, AreTheMeansOfEveryParameter) {
  for (const int count : {1, 2, 7}) {
    attend::ParameterAverage<shapes::Parts<TypeParam>> average;
    std::vector<double> sums;
    for (int i = 0; i < count; ++i) {
      const auto parts = shapes::random_parts<TypeParam>(static_cast<std::uint64_t>(i));
      average.add(parts);
      const auto numbers = shapes::flat(parts);
      sums.resize(numbers.size());
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += numbers[k];
    }
    EXPECT_EQ(average.count(), count);
    const auto means = shapes::flat(average.mean());
    ASSERT_EQ(means.size(), sums.size());
    for (std::size_t k = 0; k < sums.size(); ++k) ASSERT_NEAR(means[k], sums[k] / count, 1e-6);
  }
}

TYPED_TEST(ParameterAverages, NeedAModel) {
  const attend::ParameterAverage<shapes::Parts<TypeParam>> average;
  try {
    (void)average.mean();
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "ParameterAverage: there is no model to average");
  }
}

}  // namespace
