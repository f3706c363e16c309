#include <gtest/gtest.h>

#include <attend/attention/window.hpp>

namespace {

using attend::Causal;
using attend::Full;
using attend::Index;
using attend::KeyRange;

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

}  // namespace
