#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/search/greedy.hpp>

namespace {

using attend::greedy;
using attend::GreedyOptions;
using attend::Index;
using attend::Token;
using attend_test::expect_same;
using attend_test::expect_walked;
using attend_test::message_of;
using attend_test::ScriptedDecoder;
using attend_test::ScriptedMemory;
using attend_test::sources;

template <class S>
class Greedy : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Greedy, Scalars);

TYPED_TEST(Greedy, FollowsTheLikeliestTokens) {
  for (const Index vocabulary : {2, 3, 17, 130}) {
    const ScriptedDecoder<TypeParam> decoder{.vocabulary = vocabulary};
    const ScriptedMemory memory = sources(9);
    const auto found = greedy(decoder, memory, {.start = 1, .end = 0});
    ASSERT_EQ(found.size(), 9U);
    for (std::size_t b = 0; b < found.size(); ++b) {
      const auto& source = memory.sources[b];
      std::vector<Token> expected;
      Token before = -1;
      Token last = 1;
      for (Index step = 1; step <= 2 * source.length + 10; ++step) {
        const auto x = decoder.logits_of(source.id, before, last, step);
        before = last;
        last = static_cast<Token>(std::max_element(x.begin(), x.end()) - x.begin());
        if (last == 0) break;
        expected.push_back(last);
      }
      EXPECT_EQ(found[b].tokens, expected);
      EXPECT_EQ(found[b].finished, last == 0);
      EXPECT_EQ(found[b].score, found[b].log_probability);
      expect_walked(decoder, source, 1, 0, found[b]);
    }
  }
}

TYPED_TEST(Greedy, ASentenceIsTheSameAloneAndInAnyBatch) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 13};
  const ScriptedMemory memory = sources(12);
  const GreedyOptions options{.start = 1, .end = 0};
  const auto together = greedy(decoder, memory, options);
  ScriptedMemory reversed = memory;
  std::reverse(reversed.sources.begin(), reversed.sources.end());
  const auto backwards = greedy(decoder, reversed, options);
  for (std::size_t b = 0; b < together.size(); ++b) {
    expect_same(together[b], greedy(decoder, {{memory.sources[b]}}, options).at(0));
    expect_same(together[b], backwards[together.size() - 1 - b]);
  }
}

TYPED_TEST(Greedy, FinishedSentencesCostNothing) {
  Index work = 0;
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 6, .work = &work};
  Index columns = 0;
  std::set<Index> lengths;
  for (const auto& found : greedy(decoder, sources(20), {.start = 1, .end = 0})) {
    columns += found.weights.cols();
    lengths.insert(found.weights.cols());
  }
  EXPECT_EQ(work, columns);
  EXPECT_GT(lengths.size(), 3U);
}

TYPED_TEST(Greedy, TiesGoToTheLowerToken) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 40, .spread = 0};
  const auto found =
      greedy(decoder, sources(1),
             {.start = 1, .end = 39, .max_length = {.offset = 3}, .forbidden = {0, 1}});
  EXPECT_EQ(found[0].tokens, (std::vector<Token>{2, 2, 2}));
  EXPECT_FALSE(found[0].finished);
}

TYPED_TEST(Greedy, KeepsToItsLimits) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 4};
  const ScriptedMemory memory = sources(30);
  bool some_longer = false;
  for (const auto& found : greedy(decoder, memory, {.start = 1, .end = 0, .minimum_length = 4})) {
    EXPECT_GE(found.weights.cols(), 4);
    some_longer |= found.weights.cols() > 4;
  }
  EXPECT_TRUE(some_longer);
  bool some_stopped = false;
  for (const auto& found :
       greedy(decoder, memory, {.start = 1, .end = 0, .max_length = {.factor = 0, .offset = 2}})) {
    EXPECT_EQ(found.tokens.size(), found.finished ? found.weights.cols() - 1U : 2U);
    some_stopped |= !found.finished;
  }
  EXPECT_TRUE(some_stopped);
}

TYPED_TEST(Greedy, ForbiddenTokensAreNeverChosenAndKeepTheirMass) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 5};
  const ScriptedMemory memory = sources(10);
  bool some_differ = false;
  const auto free = greedy(decoder, memory, {.start = 1, .end = 0});
  const auto found = greedy(decoder, memory, {.start = 1, .end = 0, .forbidden = {1, 3}});
  for (std::size_t b = 0; b < found.size(); ++b) {
    for (const Token token : found[b].tokens) EXPECT_TRUE(token == 2 || token == 4);
    expect_walked(decoder, memory.sources[b], 1, 0, found[b]);
    some_differ |= found[b].tokens != free[b].tokens;
  }
  EXPECT_TRUE(some_differ);
}

TYPED_TEST(Greedy, DecodersNeedNotAttend) {
  const ScriptedDecoder<TypeParam> decoder{.attends = false};
  const ScriptedMemory memory = sources(4);
  const auto found = greedy(decoder, memory, {.start = 1, .end = 0});
  for (std::size_t b = 0; b < found.size(); ++b)
    expect_walked(decoder, memory.sources[b], 1, 0, found[b]);
}

TYPED_TEST(Greedy, NoSentencesGiveNoHypotheses) {
  EXPECT_TRUE(greedy(ScriptedDecoder<TypeParam>{}, {}, {.start = 1, .end = 0}).empty());
}

TYPED_TEST(Greedy, SaysWhatIsOutOfRange) {
  const auto check = [](const GreedyOptions& options) {
    return message_of<std::invalid_argument>(
        [&] { (void)greedy(ScriptedDecoder<TypeParam>{}, sources(1), options); });
  };
  EXPECT_EQ(check({.end = 0}), "start is -1, expected a token of the vocabulary, 0 to 4");
  EXPECT_EQ(check({.start = 0}), "end is -1, expected a token of the vocabulary, 0 to 4");
  EXPECT_EQ(check({.start = 0, .end = 5}), "end is 5, expected a token of the vocabulary, 0 to 4");
  EXPECT_EQ(check({.start = 0, .end = 1, .forbidden = {2, 9}}),
            "forbidden is 9, expected a token of the vocabulary, 0 to 4");
  EXPECT_EQ(check({.start = 0, .end = 1, .minimum_length = -3}),
            "minimum_length is -3, expected 0 or more");
  EXPECT_EQ(check({.start = 0, .end = 1, .max_length = {.offset = 0}}),
            "max_length.offset is 0, expected 1 or more");
  EXPECT_EQ(check({.start = 0, .end = 1, .forbidden = {0, 1, 2, 3, 4}}),
            "search: at step 1 of sentence 0 every token is forbidden or has a logit of -Inf; "
            "permit more in `forbidden` or lower `minimum_length`");
}

TYPED_TEST(Greedy, NamesStepAndSentenceOfALogitThatIsNoNumber) {
  ScriptedDecoder<TypeParam> decoder;
  decoder.edit = [](std::uint64_t id, Index step, std::vector<TypeParam>& x) {
    if (id == 102 && step == 2) x[3] = std::numeric_limits<TypeParam>::quiet_NaN();
  };
  const std::string text = message_of<attend::NonFiniteError>(
      [&] { (void)greedy(decoder, sources(4), {.start = 1, .end = 0, .minimum_length = 5}); });
  EXPECT_NE(text.find("a logit is NaN at step 2 of sentence 2"), std::string::npos) << text;
}

TYPED_TEST(Greedy, TokensOfLogitMinusInfinityAreLegalAndNeverChosen) {
  ScriptedDecoder<TypeParam> decoder;
  decoder.edit = [](std::uint64_t, Index, std::vector<TypeParam>& x) {
    x[1] = x[2] = -std::numeric_limits<TypeParam>::infinity();
  };
  const ScriptedMemory memory = sources(6);
  const auto found = greedy(decoder, memory, {.start = 1, .end = 0});
  for (std::size_t b = 0; b < found.size(); ++b) {
    for (const Token token : found[b].tokens) EXPECT_GE(token, 3);
    expect_walked(decoder, memory.sources[b], 1, 0, found[b]);
  }
}

}  // namespace
