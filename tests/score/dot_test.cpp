#include <stdexcept>

#include <gtest/gtest.h>

#include <attend/score/dot.hpp>

namespace {

TEST(ScaledDot, IsScaledByTheRootOfTheSize) {
  EXPECT_EQ(attend::scaled_dot<double>(64).scale(), 0.125);
  EXPECT_EQ(attend::Dot<float>().scale(), 1.0F);
  EXPECT_EQ(attend::parameter_count(attend::scaled_dot<float>(4)), 0);
}

TEST(ScaledDot, RefusesASizeThatIsNone) {
  try {
    (void)attend::scaled_dot<float>(0);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "scaled_dot: d_k is 0, expected 1 or more");
  }
}

}  // namespace
