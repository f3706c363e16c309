#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/train/batches.hpp>

namespace {

using attend::Batches;
using attend::BatchOptions;
using attend::Index;
using attend::Random;

std::vector<Index> random_sizes(Index count, Index longest) {
  Random random(17);
  std::vector<Index> sizes;
  for (Index i = 0; i < count; ++i) sizes.push_back(random.below(longest + 1));
  return sizes;
}

std::vector<std::vector<Index>> all(const Batches& batches) {
  std::vector<std::vector<Index>> lists;
  for (Index b = 0; b < batches.size(); ++b) {
    lists.emplace_back(batches[b].begin(), batches[b].end());
  }
  return lists;
}

std::vector<Index> sorted_examples(const Batches& batches) {
  std::vector<Index> examples;
  for (const auto& list : all(batches)) examples.insert(examples.end(), list.begin(), list.end());
  std::sort(examples.begin(), examples.end());
  return examples;
}

Index tokens_of(const std::vector<Index>& batch, const std::vector<Index>& sizes) {
  Index sum = 0;
  for (const Index e : batch) sum += sizes[static_cast<std::size_t>(e)];
  return sum;
}

const std::vector<BatchOptions> settings{
    {.sentences = 64},
    {.sentences = 1},
    {.sentences = 7, .pool = 3},
    {.sentences = 7, .pool = 0},
    {.sentences = 0, .tokens = 100, .pool = 2},
    {.sentences = 0, .tokens = 3, .pool = 1},
    {.sentences = 10, .tokens = 120, .pool = 5},
};

TEST(Batches, EveryExampleOnceWithinTheLimits) {
  for (const Index count : {0, 1, 2, 63, 64, 65, 500}) {
    const auto sizes = random_sizes(count, 40);
    for (const BatchOptions& options : settings) {
      Batches batches;
      batches.assign(sizes, options, Random(3));
      const auto examples = sorted_examples(batches);
      ASSERT_EQ(std::ssize(examples), count);
      for (Index i = 0; i < count; ++i) EXPECT_EQ(examples[static_cast<std::size_t>(i)], i);
      for (const auto& batch : all(batches)) {
        ASSERT_FALSE(batch.empty());
        if (options.sentences > 0) {
          EXPECT_LE(std::ssize(batch), options.sentences);
        }
        if (options.tokens > 0 && batch.size() > 1) {
          EXPECT_LE(tokens_of(batch, sizes), options.tokens);
        }
        for (std::size_t i = 1; i < batch.size(); ++i) {
          EXPECT_GE(sizes[static_cast<std::size_t>(batch[i - 1])],
                    sizes[static_cast<std::size_t>(batch[i])]);
        }
      }
    }
  }
}

TEST(Batches, ATooLongExampleIsABatchOfItsOwn) {
  Batches batches;
  batches.assign(std::vector<Index>{5, 1000, 3, 2}, {.sentences = 0, .tokens = 10}, Random(1));
  auto lists = all(batches);
  std::sort(lists.begin(), lists.end());
  EXPECT_EQ(lists, (std::vector<std::vector<Index>>{{0, 2, 3}, {1}}));
}

TEST(Batches, BatchesAreFull) {
  const auto sizes = random_sizes(640, 40);
  Batches batches;
  batches.assign(sizes, {.sentences = 64, .pool = 5}, Random(1));
  EXPECT_EQ(batches.size(), 10);
  batches.assign(sizes, {.sentences = 0, .tokens = 400, .pool = 10}, Random(1));
  Index total = 0;
  for (const Index s : sizes) total += s;
  EXPECT_LE(batches.size(), total / 400 + total / 4000 + 3);
}

TEST(Batches, LikeLengthsAreTogether) {
  const auto sizes = random_sizes(6400, 40);
  Batches batches;
  batches.assign(sizes, {.sentences = 64, .pool = 0}, Random(1));
  for (const auto& batch : all(batches)) {
    EXPECT_LE(sizes[static_cast<std::size_t>(batch.front())] -
                  sizes[static_cast<std::size_t>(batch.back())],
              1);
  }
  // But not in the order of their lengths.
  Index descents = 0;
  for (Index b = 1; b < batches.size(); ++b) {
    descents += sizes[static_cast<std::size_t>(batches[b][0])] <
                        sizes[static_cast<std::size_t>(batches[b - 1][0])]
                    ? 1
                    : 0;
  }
  EXPECT_GT(descents, 30);
  EXPECT_LT(descents, 70);
}

TEST(Batches, TheSameRandomGivesTheSameBatches) {
  const auto sizes = random_sizes(300, 40);
  Batches a;
  Batches b;
  a.assign(sizes, {.sentences = 8}, Random(1).fork(5));
  b.assign(random_sizes(77, 9), {.sentences = 3}, Random(2));
  b.assign(sizes, {.sentences = 8}, Random(1).fork(5));
  EXPECT_EQ(all(a), all(b));
  b.assign(sizes, {.sentences = 8}, Random(1).fork(6));
  EXPECT_NE(all(a), all(b));
}

TEST(Batches, SortedWithoutRandomness) {
  Batches batches;
  batches.assign_sorted(std::vector<Index>{3, 1, 3, 9, 2}, {.sentences = 2});
  EXPECT_EQ(all(batches), (std::vector<std::vector<Index>>{{3, 0}, {2, 4}, {1}}));
}

TEST(Batches, OptionsAreChecked) {
  const auto refusal = [](const BatchOptions& options) {
    try {
      Batches().assign_sorted(std::vector<Index>{1, 2}, options);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_EQ(refusal({.sentences = 0}),
            "Batches: sentences and tokens are both 0; limit a batch by one of them");
  EXPECT_EQ(refusal({.sentences = 4, .tokens = -1}),
            "Batches: sentences, tokens and pool are 4, -1, 100, expected 0 or more");
}

}  // namespace
