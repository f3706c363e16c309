#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/search/beam.hpp>
#include <attend/search/greedy.hpp>

namespace {

using attend::beam_search;
using attend::BeamOptions;
using attend::Index;
using attend::LengthPenalty;
using attend::Token;
using attend_test::expect_same;
using attend_test::expect_walked;
using attend_test::message_of;
using attend_test::ScriptedDecoder;
using attend_test::ScriptedMemory;
using attend_test::ScriptedSource;
using attend_test::sources;
using attend_test::Walk;
using attend_test::walk;

template <class S>
class Beam : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Beam, Scalars);

constexpr Token end = 0;
constexpr Token start = 1;

template <class S>
double score(const Walk<S>& walked, Index source_length, const BeamOptions& options) {
  return walked.log_probability / options.length_penalty(static_cast<Index>(walked.chosen.size())) +
         attend_test::coverage(walked, source_length, options.coverage_penalty);
}

/// Every output up to the limit that ends with the end symbol, best first.
template <class S>
std::vector<std::pair<double, std::vector<Token>>> all_outputs(const ScriptedDecoder<S>& decoder,
                                                               const ScriptedSource& source,
                                                               Index limit,
                                                               const BeamOptions& options) {
  std::vector<std::pair<double, std::vector<Token>>> outputs;
  std::vector<std::vector<Token>> open = {{}};
  for (Index length = 1; length <= limit; ++length) {
    std::vector<std::vector<Token>> longer;
    for (const auto& stem : open)
      for (Token v = 0; v < decoder.vocabulary; ++v) {
        auto chosen = stem;
        chosen.push_back(v);
        if (v != end)
          longer.push_back(chosen);
        else
          outputs.emplace_back(score(walk(decoder, source, start, chosen), source.length, options),
                               chosen);
      }
    open = longer;
  }
  std::sort(outputs.rbegin(), outputs.rend());
  return outputs;
}

/// Beam search as its description says it, one sentence, everything sorted.
template <class S>
std::vector<Walk<S>> naive_beam(const ScriptedDecoder<S>& decoder, const ScriptedSource& source,
                                const BeamOptions& options) {
  std::vector<Walk<S>> live(1);
  std::vector<Walk<S>> finished;
  for (Index step = 1; step <= options.max_length(source.length) && !live.empty(); ++step) {
    std::vector<Walk<S>> next;
    for (const auto& stem : live)
      for (Token v = 0; v < decoder.vocabulary; ++v) {
        if (std::count(options.forbidden.begin(), options.forbidden.end(), v) > 0) continue;
        if (v == end && step < options.minimum_length) continue;
        auto chosen = stem.chosen;
        chosen.push_back(v);
        next.push_back(walk(decoder, source, start, chosen));
      }
    std::stable_sort(next.begin(), next.end(), [](const Walk<S>& a, const Walk<S>& b) {
      return a.log_probability > b.log_probability;
    });
    const auto places = static_cast<std::size_t>(options.beam) - finished.size();
    next.resize(std::min(next.size(), places));
    live.clear();
    for (auto& candidate : next)
      (candidate.chosen.back() == end ? finished : live).push_back(candidate);
  }
  const auto better = [&](const Walk<S>& a, const Walk<S>& b) {
    return score(a, source.length, options) > score(b, source.length, options);
  };
  std::stable_sort(finished.begin(), finished.end(), better);
  std::stable_sort(live.begin(), live.end(), better);
  finished.insert(finished.end(), live.begin(), live.end());
  finished.resize(std::min(finished.size(), static_cast<std::size_t>(options.n_best)));
  return finished;
}

std::vector<BeamOptions> many_options() {
  std::vector<BeamOptions> many;
  for (const auto& penalty : {LengthPenalty::none(), LengthPenalty::wu(0.6),
                              LengthPenalty::power(0.7), LengthPenalty::power(1.5)})
    for (const double beta : {0.0, 0.3})
      for (const Index beam : {1, 2, 5, 12})
        many.push_back({.beam = beam,
                        .n_best = (beam + 1) / 2,
                        .length_penalty = penalty,
                        .coverage_penalty = beta,
                        .start = start,
                        .end = end,
                        .max_length = {.factor = 0.5, .offset = 5}});
  return many;
}

TYPED_TEST(Beam, WideEnoughItFindsTheBestOfAllOutputs) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 4};
  const ScriptedMemory memory = sources(6);
  for (BeamOptions options : many_options()) {
    options.max_length = {.factor = 0, .offset = 4};
    options.beam = 150;  // more than 3 + 9 + 27 + 81 open and 1 + 3 + 9 + 27 ended outputs
    options.n_best = 40;
    const auto found = beam_search(decoder, memory, options);
    for (std::size_t b = 0; b < found.size(); ++b) {
      const auto best = all_outputs(decoder, memory.sources[b], 4, options);
      ASSERT_EQ(found[b].size(), 40U);
      ASSERT_EQ(best.size(), 40U);
      for (std::size_t i = 0; i < 40; ++i) {
        EXPECT_NEAR(found[b][i].score, best[i].first, 2e-5);
        auto chosen = found[b][i].tokens;
        chosen.push_back(end);
        if (i == 0) {
          EXPECT_EQ(chosen, best[i].second);
        }
      }
    }
  }
}

TYPED_TEST(Beam, IsTheNaiveBeam) {
  const ScriptedMemory memory = sources(8);
  for (const Index vocabulary : {3, 7, 30}) {
    const ScriptedDecoder<TypeParam> decoder{.vocabulary = vocabulary};
    for (BeamOptions options : many_options()) {
      if (vocabulary == 7) options.forbidden = {1, 4};
      if (vocabulary == 30) options.minimum_length = 3;
      const auto found = beam_search(decoder, memory, options);
      ASSERT_EQ(found.size(), memory.sources.size());
      for (std::size_t b = 0; b < found.size(); ++b) {
        const auto expected = naive_beam(decoder, memory.sources[b], options);
        ASSERT_EQ(found[b].size(), expected.size());
        for (std::size_t i = 0; i < found[b].size(); ++i) {
          auto chosen = found[b][i].tokens;
          if (found[b][i].finished) chosen.push_back(end);
          EXPECT_EQ(chosen, expected[i].chosen);
          EXPECT_NEAR(found[b][i].score, score(expected[i], memory.sources[b].length, options),
                      2e-5);
          expect_walked(decoder, memory.sources[b], start, end, found[b][i]);
        }
      }
    }
  }
}

TYPED_TEST(Beam, OfOneIsGreedySearchToTheBit) {
  const ScriptedMemory memory = sources(20);
  for (const double spread : {0.0, 1.0, 3.0}) {
    const ScriptedDecoder<TypeParam> decoder{.vocabulary = 150, .spread = spread};
    const auto expected = attend::greedy(decoder, memory, {.start = start, .end = end});
    const auto found = beam_search(decoder, memory, {.beam = 1, .start = start, .end = end});
    const auto normalised = beam_search(
        decoder, memory,
        {.beam = 1, .length_penalty = LengthPenalty::wu(1), .start = start, .end = end});
    for (std::size_t b = 0; b < expected.size(); ++b) {
      ASSERT_EQ(found[b].size(), 1U);
      expect_same(found[b][0], expected[b]);
      EXPECT_EQ(normalised[b][0].tokens, expected[b].tokens);
    }
  }
}

TYPED_TEST(Beam, NBestAreSortedAndDistinct) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 9};
  bool some_unfinished = false;
  for (BeamOptions options : many_options()) {
    options.n_best = options.beam;
    for (const auto& list : beam_search(decoder, sources(8), options)) {
      ASSERT_EQ(list.size(), static_cast<std::size_t>(options.beam));
      std::set<std::pair<bool, std::vector<Token>>> seen;
      for (std::size_t i = 0; i < list.size(); ++i) {
        EXPECT_TRUE(seen.insert({list[i].finished, list[i].tokens}).second);
        some_unfinished |= !list[i].finished;
        if (i == 0) continue;
        EXPECT_GE(list[i - 1].finished, list[i].finished);
        if (list[i - 1].finished == list[i].finished) {
          EXPECT_GE(list[i - 1].score, list[i].score);
        }
      }
    }
  }
  EXPECT_TRUE(some_unfinished);
}

TYPED_TEST(Beam, EarlyStopChangesNothingButTheWork) {
  Index work = 0;
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 9, .work = &work};
  const ScriptedMemory memory = sources(25);
  Index early_work = 0;
  Index late_work = 0;
  for (BeamOptions options : many_options()) {
    for (const bool all : {false, true}) {
      options.n_best = all ? options.beam : 1;
      options.early_stop = true;
      work = 0;
      const auto early = beam_search(decoder, memory, options);
      early_work += work;
      options.early_stop = false;
      work = 0;
      const auto late = beam_search(decoder, memory, options);
      late_work += work;
      for (std::size_t b = 0; b < early.size(); ++b) expect_same(early[b], late[b]);
    }
  }
  EXPECT_LT(early_work, 0.95 * static_cast<double>(late_work));
}

TYPED_TEST(Beam, ASentenceIsTheSameAloneAndInAnyBatch) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 131};
  const ScriptedMemory memory = sources(10);
  ScriptedMemory reversed = memory;
  std::reverse(reversed.sources.begin(), reversed.sources.end());
  for (const BeamOptions& options : many_options()) {
    const auto together = beam_search(decoder, memory, options);
    const auto backwards = beam_search(decoder, reversed, options);
    for (std::size_t b = 0; b < together.size(); ++b) {
      expect_same(together[b], beam_search(decoder, {{memory.sources[b]}}, options).at(0));
      expect_same(together[b], backwards[together.size() - 1 - b]);
    }
  }
}

TYPED_TEST(Beam, IsTheSameInMemoryThatOtherSearchesLeft) {
  using Decoder = ScriptedDecoder<TypeParam>;
  attend::SearchWorkspace<Decoder> workspace;
  for (const Index vocabulary : {131, 7, 60}) {
    const Decoder decoder{.vocabulary = vocabulary};
    for (const Index count : {10, 3, 0, 12}) {
      for (const BeamOptions& options : many_options()) {
        const auto fresh = beam_search(decoder, sources(count), options);
        const auto again = beam_search(decoder, sources(count), options, workspace);
        ASSERT_EQ(fresh.size(), again.size());
        for (std::size_t b = 0; b < fresh.size(); ++b) expect_same(fresh[b], again[b]);
      }
    }
  }
  // A search that threw leaves nothing that the next one would find.
  const Decoder decoder{.vocabulary = 5};
  const BeamOptions stuck{.start = start, .end = end, .forbidden = {0, 1, 2, 3, 4}};
  const BeamOptions free{.start = start, .end = end};
  EXPECT_ANY_THROW((void)beam_search(decoder, sources(4), stuck, workspace));
  const auto fresh = beam_search(decoder, sources(4), free);
  const auto again = beam_search(decoder, sources(4), free, workspace);
  for (std::size_t b = 0; b < fresh.size(); ++b) expect_same(fresh[b], again[b]);
}

TYPED_TEST(Beam, TiesGoToTheHigherRankAndThenTheLowerToken) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 5, .spread = 0};
  const auto found = beam_search(decoder, sources(1),
                                 {.beam = 4,
                                  .n_best = 4,
                                  .start = start,
                                  .end = end,
                                  .max_length = {.factor = 0, .offset = 2}});
  ASSERT_EQ(found[0].size(), 4U);
  // Step 1 takes 0 (the end), 1, 2, 3; step 2 the three first continuations of 1.
  EXPECT_EQ(found[0][0].tokens, (std::vector<Token>{}));
  EXPECT_EQ(found[0][1].tokens, (std::vector<Token>{1}));
  EXPECT_EQ(found[0][2].tokens, (std::vector<Token>{1, 1}));
  EXPECT_EQ(found[0][3].tokens, (std::vector<Token>{1, 2}));
  EXPECT_TRUE(found[0][1].finished);
  EXPECT_FALSE(found[0][2].finished);
}

TYPED_TEST(Beam, CoveragePenaltyPrefersOutputsThatReadTheWholeSource) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 6};
  const ScriptedMemory memory{{{1, 9}, {2, 9}, {3, 9}, {4, 9}}};
  Index with = 0;
  Index without = 0;
  for (const double beta : {0.0, 2.0})
    for (const auto& list : beam_search(
             decoder, memory, {.beam = 12, .coverage_penalty = beta, .start = start, .end = end}))
      (beta > 0 ? with : without) += list[0].weights.cols();
  EXPECT_GT(with, without);
}

TYPED_TEST(Beam, DeadEndsFallOutOfTheBeam) {
  ScriptedDecoder<TypeParam> decoder;
  decoder.edit = [](std::uint64_t, Index step, std::vector<TypeParam>& x) {
    if (step == 2) std::fill(x.begin() + 1, x.end(), -std::numeric_limits<TypeParam>::infinity());
  };
  const auto found =
      beam_search(decoder, sources(3), {.beam = 5, .n_best = 5, .start = start, .end = end});
  for (const auto& list : found) {
    ASSERT_EQ(list.size(), 5U);  // the empty output and four of one token
    for (const auto& hypothesis : list) {
      EXPECT_TRUE(hypothesis.finished);
      EXPECT_LE(hypothesis.tokens.size(), 1U);
    }
  }
}

TYPED_TEST(Beam, FewerOutputsThanAskedForAreAllThereAre) {
  ScriptedDecoder<TypeParam> decoder{.vocabulary = 2};
  const auto found = beam_search(decoder, sources(2),
                                 {.beam = 9,
                                  .n_best = 9,
                                  .start = start,
                                  .end = end,
                                  .max_length = {.factor = 0, .offset = 3}});
  for (const auto& list : found) EXPECT_EQ(list.size(), 4U);  // "", "1", "1 1", "1 1 1" unfinished
}

TYPED_TEST(Beam, NoSentencesGiveNoHypotheses) {
  EXPECT_TRUE(beam_search(ScriptedDecoder<TypeParam>{}, {}, {.start = start, .end = end}).empty());
}

TYPED_TEST(Beam, SaysWhatIsOutOfRange) {
  const auto check = [](const BeamOptions& options) {
    return message_of<std::invalid_argument>(
        [&] { (void)beam_search(ScriptedDecoder<TypeParam>{}, sources(1), options); });
  };
  EXPECT_EQ(check({.beam = 0, .start = start, .end = end}), "beam is 0, expected 1 or more");
  EXPECT_EQ(check({.beam = 3, .n_best = 4, .start = start, .end = end}),
            "n_best is 4, expected 1 to beam, which is 3");
  EXPECT_EQ(check({.beam = 3, .n_best = 0, .start = start, .end = end}),
            "n_best is 0, expected 1 to beam, which is 3");
  EXPECT_EQ(check({.coverage_penalty = -1, .start = start, .end = end}),
            "coverage_penalty is -1, expected a finite number, 0 or more");
  EXPECT_EQ(check({.end = end}), "start is -1, expected a token of the vocabulary, 0 to 4");
  EXPECT_EQ(check({.start = start, .end = end, .forbidden = {0, 1, 2, 3, 4}}),
            "search: at step 1 of sentence 0 every token is forbidden or has a logit of -Inf; "
            "permit more in `forbidden` or lower `minimum_length`");
}

TYPED_TEST(Beam, CoveragePenaltyNeedsAttention) {
  const ScriptedDecoder<TypeParam> decoder{.attends = false};
  EXPECT_EQ(message_of<std::invalid_argument>([&] {
              (void)beam_search(decoder, {{{1, 0}, {2, 3}}},
                                {.coverage_penalty = 0.1, .start = start, .end = end});
            }),
            "coverage_penalty is 0.1, but this decoder has no attention; set it to 0");
  const auto found = beam_search(decoder, {{{2, 3}}}, {.start = start, .end = end});
  expect_walked(decoder, ScriptedSource{2, 3}, start, end, found[0][0]);
}

TYPED_TEST(Beam, NamesStepAndSentenceOfALogitThatIsNoNumber) {
  ScriptedDecoder<TypeParam> decoder;
  decoder.edit = [](std::uint64_t id, Index step, std::vector<TypeParam>& x) {
    if (id == 102 && step == 3) x[4] = std::numeric_limits<TypeParam>::quiet_NaN();
  };
  const std::string text = message_of<attend::NonFiniteError>([&] {
    (void)beam_search(decoder, sources(4), {.start = start, .end = end, .minimum_length = 5});
  });
  EXPECT_NE(text.find("a logit is NaN at step 3 of sentence 2"), std::string::npos) << text;
}

/// A decoder that breaks its contract.
struct WrongWeights : ScriptedDecoder<float> {
  void step(const Memory& memory, std::span<const Token> tokens, State& state) const {
    ScriptedDecoder<float>::step(memory, tokens, state);
    for (auto& column : state.columns) column.weights.assign(2, 0.5F);
  }
};

TEST(BeamContract, ChecksTheDecodersWeights) {
  EXPECT_EQ(message_of<attend::ShapeError>([] {
              (void)beam_search(WrongWeights{}, {{{1, 5}}}, {.start = start, .end = end});
            }),
            "search: the number of the decoder's weights is 2, expected 5");
}

}  // namespace
