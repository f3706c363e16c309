#include <algorithm>
#include <memory>
#include <reference/matrices.hpp>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <attend/attention/pace.hpp>
#include <attend/attention/sharpened.hpp>
#include <attend/score/adjusted.hpp>
#include <attend/score/dot.hpp>
#include <attend/score/linear_bias.hpp>

namespace {

using attend::AttentionPace;
using attend::Index;
using attend::KeyRange;
using attend::Matrix;
using attend::MemoryView;
using attend::Sliding;

void expect_range(const KeyRange& range, Index begin, Index end) {
  EXPECT_EQ(range.begin, begin);
  EXPECT_EQ(range.end, end);
}

bool move(AttentionPace& pace, const std::vector<float>& weights, Index first, Index T) {
  return pace.move(std::span<const float>(weights), first, T);
}

TEST(Pace, SlidesAsItsWindow) {
  const Sliding window{3, 2, 1};
  AttentionPace pace = AttentionPace::sliding(window);
  for (Index step = 0; step < 9; ++step) {
    const KeyRange expected = window.range(step, 1000);
    expect_range(pace.shown(), expected.begin, expected.end);
    EXPECT_EQ(pace.needs(), expected.end);
    EXPECT_EQ(pace.behind(step + 1), true);
    EXPECT_EQ(pace.behind(step + 2), false);
    EXPECT_TRUE(move(pace, {}, 0, 6));
    EXPECT_EQ(pace.heard(), std::min<Index>(expected.end, 6));
  }
  EXPECT_EQ(pace.width(), 6);
}

TEST(Pace, FollowsTheMiddleAndNeverGoesBack) {
  AttentionPace pace = AttentionPace::following({.left = 2, .right = 3});
  expect_range(pace.shown(), 0, 4);
  move(pace, {0, 0, 0.25F, 0.75F}, 0, 10);
  expect_range(pace.shown(), 1, 7);
  EXPECT_EQ(pace.heard(), 4);
  move(pace, {0.5F, 0.25F, 0.25F}, 1, 10);  // Half of the weight lies up to key 1.
  expect_range(pace.shown(), 1, 5);
  move(pace, {0, 0, 0}, 1, 10);  // No weight: it stays.
  expect_range(pace.shown(), 1, 5);
  EXPECT_EQ(pace.heard(), 7);
  EXPECT_EQ(pace.width(), 6);
}

TEST(Pace, ReadsFromTheKeyThatWasTaken) {
  AttentionPace pace = AttentionPace::reading();
  EXPECT_EQ(pace.needs(), 1);
  EXPECT_TRUE(move(pace, {0, 0, 1, 0}, 0, 4));
  EXPECT_EQ(pace.shown().begin, 2);
  EXPECT_EQ(pace.heard(), 3);
  EXPECT_FALSE(move(pace, {0, 0}, 2, 4));
  EXPECT_EQ(pace.shown().begin, 4);
  EXPECT_EQ(pace.needs(), 5);
  EXPECT_TRUE(pace.behind(4));
  EXPECT_FALSE(pace.behind(5));
}

/// A part of a memory that stands where it stood gives the bits of the whole, in every way.
template <class Z, class W, class F>
void expect_parts_like_the_whole(const attend::Attention<Z, W, F>& attention, Index step) {
  attend::Random random(3);
  const Matrix<float> H = reference::random_matrix<float>(random, 8, 150);
  const Matrix<float> q = reference::random_matrix<float>(random, 8, 1);
  attend::AttentionWorkspace<float> workspace;
  const attend::Queries<float> queries{q, step};
  Matrix<float> whole(8, 1), part(8, 1);
  attention.attend(MemoryView<float>{H, H}, queries, whole, workspace);
  const KeyRange seen = attention.window.range(step, 150);
  for (const Index first : {Index{0}, seen.begin / 2, seen.begin}) {
    for (const Index end : {seen.end, std::min<Index>(seen.end + 9, 150), Index{150}}) {
      const attend::ConstView<float> held = H.middleCols(first, end - first);
      attention.attend(MemoryView<float>{held, held, first}, queries, part, workspace);
      EXPECT_EQ(part, whole) << step << ": " << first << " to " << end;
    }
  }
}

TEST(PartsOfAMemory, GiveTheBitsOfTheWhole) {
  for (const Index step : {0, 1, 63, 64, 90, 149}) {
    for (const Sliding window : {Sliding{2, 1}, Sliding{80, 0}, Sliding{20, 20}}) {
      expect_parts_like_the_whole(attend::Attention(attend::Dot<float>(), window), step);
      expect_parts_like_the_whole(
          attend::Attention(attend::Adjusted(attend::Dot<float>(), attend::LinearBias<float>(2)),
                            window),
          step);
      expect_parts_like_the_whole(
          attend::Attention(attend::Dot<float>(), window, attend::Sharpened{2}), step);
    }
  }
}

TEST(PartsOfAMemory, AreSeenAsFarAsTheyAreShown) {
  attend::Random random(5);
  const Matrix<float> H = reference::random_matrix<float>(random, 6, 20);
  const Matrix<float> q = reference::random_matrix<float>(random, 6, 1);
  attend::AttentionWorkspace<float> workspace;
  const attend::Attention<attend::Dot<float>> attention;
  Matrix<float> shown(6, 1), masked(6, 1);
  attention.attend(MemoryView<float>{H.middleCols(4, 16), H.middleCols(4, 16), 4, {7, 13}}, {q},
                   shown, workspace);
  attend::Queries<float> queries{q};
  const auto kept = std::make_unique<bool[]>(20);
  std::fill_n(kept.get() + 7, 6, true);
  queries.keep = {kept.get()};
  attention.attend(MemoryView<float>{H, H}, queries, masked, workspace);
  EXPECT_EQ(shown, masked);
}

}  // namespace
