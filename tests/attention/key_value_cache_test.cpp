#include <vector>

#include <gtest/gtest.h>

#include "reference/matrices.hpp"
#include <attend/attention/key_value_cache.hpp>

namespace {

using attend::Index;
using attend::KeyValueCache;
using attend::Matrix;
using attend::Random;

/// Against hypotheses that each keep a matrix of their own.
TEST(KeyValueCache, IsWhatItsHypothesesKeep) {
  constexpr Index rows = 3;
  constexpr Index layers = 2;
  Random random(9);
  KeyValueCache<float> cache;
  for (int round = 0; round < 3; ++round) {
    const Index n = 1 + random.below(4);
    cache.begin(n, layers, rows);
    using Kept = std::vector<Matrix<float>>;
    std::vector<Kept> hypotheses(static_cast<std::size_t>(n), Kept(layers, Matrix<float>(rows, 0)));
    for (Index step = 0; step < 40; ++step) {
      ASSERT_EQ(cache.steps(), step);
      ASSERT_EQ(cache.size(), std::ssize(hypotheses));
      for (Index l = 0; l < layers; ++l) {
        const auto KV = reference::random_matrix<float>(random, rows, cache.size());
        cache.append(l, KV);
        for (Index i = 0; i < cache.size(); ++i) {
          auto& own = hypotheses[static_cast<std::size_t>(i)][static_cast<std::size_t>(l)];
          own.conservativeResize(rows, step + 1);
          own.rightCols(1) = KV.col(i);
          ASSERT_EQ(Matrix<float>(cache.appended(l, i)), own) << step;
        }
      }
      cache.finish_step();
      std::vector<Index> columns;
      std::vector<Kept> next;
      for (Index i = 1 + random.below(7); i > 0; --i) {
        columns.push_back(random.below(cache.size()));
        next.push_back(hypotheses[static_cast<std::size_t>(columns.back())]);
      }
      cache.select(columns);
      hypotheses = next;
    }
  }
}

TEST(KeyValueCache, SaysWhatIsWrong) {
  KeyValueCache<float> cache;
  cache.begin(2, 1, 3);
  try {
    cache.append(0, Matrix<float>(2, 2));
    FAIL();
  } catch (const attend::ShapeError& error) {
    EXPECT_STREQ(error.what(),
                 "KeyValueCache::append: keys and values is (2 x 2), expected (3 x 2)");
  }
  try {
    cache.append(1, Matrix<float>(3, 2));
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "KeyValueCache::append: layer 1 is not among the 1 that the cache began with");
  }
  try {
    cache.select(std::vector<Index>{0, 2});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "KeyValueCache::select: column 2 is not among the 2 hypotheses");
  }
}

}  // namespace
