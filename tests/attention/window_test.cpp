#include <gtest/gtest.h>

#include <attend/attention/window.hpp>

namespace {

using attend::Both;
using attend::Causal;
using attend::Full;
using attend::Index;
using attend::KeyRange;
using attend::Sliding;

static_assert(attend::Window<Full> && attend::Window<Causal>);
static_assert(!attend::Window<int> && !attend::Window<KeyRange>);

TEST(Full, ShowsEveryKey) {
  for (const Index T : {0, 1, 9}) {
    const KeyRange seen = Full{}.range(5, T);
    EXPECT_EQ(seen.begin, 0);
    EXPECT_EQ(seen.end, T);
  }
}

TEST(Causal, ShowsKeysUpToTheQueryAndItsOffset) {
  for (const Index T : {0, 1, 2, 9}) {
    for (Index offset = -12; offset <= 12; ++offset) {
      for (Index u = 0; u < 5; ++u) {
        const KeyRange seen = Causal{offset}.range(u, T);
        for (Index t = 0; t < T; ++t) {
          EXPECT_EQ(seen.begin <= t && t < seen.end, t <= u + offset)
              << "T " << T << ", offset " << offset << ", query " << u << ", key " << t;
        }
        EXPECT_LE(0, seen.begin);
        EXPECT_LE(seen.end, T);
      }
    }
  }
}

TEST(Causal, AtTheBottomRightShowsTheLastQueryTheLastKey) {
  const Causal window{.offset = 7 - 3};
  EXPECT_EQ(window.range(2, 7).end, 7);
  EXPECT_EQ(window.range(0, 7).end, 5);
}

TEST(Causal, HasItsTwoCornersByName) {
  EXPECT_EQ(Causal::top_left().range(0, 7).end, 1);
  EXPECT_EQ(Causal::bottom_right(7, 3).range(0, 7).end, 5);
  EXPECT_EQ(Causal::bottom_right(7, 3).range(2, 7).end, 7);
  EXPECT_EQ(Causal::bottom_right(2, 5).range(1, 2).end, 0);
}

TEST(Sliding, ShowsABandAroundItsPosition) {
  for (const Index T : {0, 1, 9}) {
    for (const Index offset : {-3, 0, 4}) {
      for (Index u = 0; u < 12; ++u) {
        const KeyRange seen = Sliding{2, 1, offset}.range(u, T);
        for (Index t = 0; t < T; ++t) {
          EXPECT_EQ(seen.begin <= t && t < seen.end, u + offset - 2 <= t && t <= u + offset + 1);
        }
        EXPECT_LE(0, seen.begin);
        EXPECT_LE(seen.end, T);
      }
    }
  }
  EXPECT_EQ(Sliding::local_monotonic(3).range(5, 20).begin, 2);
  EXPECT_EQ(Sliding::local_monotonic(3).range(5, 20).end, 9);
  EXPECT_EQ(Sliding::causal(3).range(5, 20).begin, 3);
  EXPECT_EQ(Sliding::causal(3).range(5, 20).end, 6);
}

TEST(Both, ShowsWhatItsTwoWindowsShow) {
  const Both window{Causal{}, Sliding{2, 2}};
  static_assert(attend::Window<Both<Causal, Sliding>>);
  EXPECT_EQ(window.range(5, 20).begin, 3);
  EXPECT_EQ(window.range(5, 20).end, 6);
  EXPECT_EQ(window.range(9, 4).begin, 4);
  EXPECT_EQ(window.range(9, 4).end, 4);
}

}  // namespace
