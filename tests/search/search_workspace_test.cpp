#include <vector>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/core/random.hpp>
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>
#include <attend/search/sampling.hpp>
#include <attend/search/search_workspace.hpp>

namespace {

using attend::Index;
using attend::Random;
using attend_test::expect_same;
using attend_test::ScriptedDecoder;
using attend_test::sources;

template <class S>
class SearchWorkspace : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SearchWorkspace, Scalars);

TYPED_TEST(SearchWorkspace, LeavesNothingThatAnotherSearchFinds) {
  using Decoder = ScriptedDecoder<TypeParam>;
  attend::SearchWorkspace<Decoder> workspace;
  Random random(3);
  for (int trial = 0; trial < 60; ++trial) {
    const Decoder decoder{.vocabulary = 4 + random.below(60)};
    const auto memory = sources(random.below(9));
    switch (random.below(3)) {
      case 0: {
        const attend::GreedyOptions options{.start = 1, .end = 0};
        expect_same(greedy(decoder, memory, options, workspace), greedy(decoder, memory, options));
        break;
      }
      case 1: {
        const attend::SamplingOptions options{.samples = 3, .top_p = 0.9, .start = 1, .end = 0};
        const auto kept = sample(decoder, memory, options, Random(5), workspace);
        const auto fresh = sample(decoder, memory, options, Random(5));
        ASSERT_EQ(kept.size(), fresh.size());
        for (std::size_t b = 0; b < kept.size(); ++b) expect_same(kept[b], fresh[b]);
        break;
      }
      default: {
        const attend::BeamOptions options{.beam = 4, .n_best = 2, .start = 1, .end = 0};
        const auto kept = beam_search(decoder, memory, options, workspace);
        const auto fresh = beam_search(decoder, memory, options);
        ASSERT_EQ(kept.size(), fresh.size());
        for (std::size_t b = 0; b < kept.size(); ++b) expect_same(kept[b], fresh[b]);
      }
    }
  }
}

TYPED_TEST(SearchWorkspace, ServesOnAfterASearchThatThrew) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 5};
  attend::SearchWorkspace<ScriptedDecoder<TypeParam>> workspace;
  const attend::GreedyOptions free{.start = 1, .end = 0};
  const auto fresh = greedy(decoder, sources(4), free);
  const std::vector<attend::Token> all{0, 1, 2, 3, 4};
  EXPECT_ANY_THROW(
      (void)greedy(decoder, sources(6), {.start = 1, .end = 0, .forbidden = all}, workspace));
  expect_same(greedy(decoder, sources(4), free, workspace), fresh);
  EXPECT_ANY_THROW((void)sample(decoder, sources(6), {.start = 1, .end = 0, .forbidden = all},
                                Random(1), workspace));
  expect_same(greedy(decoder, sources(4), free, workspace), fresh);
}

}  // namespace
