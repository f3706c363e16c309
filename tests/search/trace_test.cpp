#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include <attend/search/trace.hpp>

namespace {

using attend::Hypothesis;
using attend::Index;
using attend::detail::Trace;

TEST(Trace, BranchesShareTheirStem) {
  Trace<float> trace;
  const std::vector<float> w0 = {0.5F, 0.5F};
  const std::vector<float> w1 = {0.25F, 0.75F};
  const Index stem = trace.extend(Trace<float>::root, 4, trace.keep(w0));
  const Index column = trace.keep(w1);
  const Index left = trace.extend(stem, 7, column);
  const Index right = trace.extend(stem, 2, column);
  EXPECT_EQ(trace.length(left), 2);

  Hypothesis<float> out;
  trace.read(left, false, out);
  EXPECT_EQ(out.tokens, (std::vector<attend::Token>{4, 7}));
  EXPECT_FALSE(out.finished);
  attend::Matrix<float> expected(2, 2);
  expected << 0.5F, 0.25F, 0.5F, 0.75F;
  EXPECT_EQ(out.weights, expected);

  trace.read(right, true, out);
  EXPECT_EQ(out.tokens, (std::vector<attend::Token>{4}));
  EXPECT_TRUE(out.finished);
  EXPECT_EQ(out.weights, expected);
}

TEST(Trace, CoverageIsCappedAndStaysFinite) {
  Trace<double> trace;
  const std::vector<double> w0 = {0.75, 0.25, 0};
  const std::vector<double> w1 = {0.75, 0.25, 0};
  Index node = trace.extend(Trace<double>::root, 0, trace.keep(w0));
  node = trace.extend(node, 1, trace.keep(w1));
  EXPECT_NEAR(trace.log_coverage(node), std::log(0.5) + std::log(1e-8), 1e-12);
}

TEST(Trace, KnowsEmptySourcesAndTheEmptyOutput) {
  Trace<double> trace;
  EXPECT_EQ(trace.length(Trace<double>::root), 0);
  EXPECT_EQ(trace.log_coverage(Trace<double>::root), 0);
  const Index node = trace.extend(Trace<double>::root, 3, trace.keep({}));
  EXPECT_EQ(trace.log_coverage(node), 0);
  Hypothesis<double> out;
  trace.read(node, true, out);
  EXPECT_TRUE(out.tokens.empty());
  EXPECT_EQ(out.weights.rows(), 0);
  EXPECT_EQ(out.weights.cols(), 1);
}

}  // namespace
