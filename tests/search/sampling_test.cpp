#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "scripted_decoder.hpp"
#include <attend/search/greedy.hpp>
#include <attend/search/sampling.hpp>

namespace {

using attend::Index;
using attend::Random;
using attend::sample;
using attend::SamplingOptions;
using attend::Token;
using attend_test::expect_same;
using attend_test::expect_walked;
using attend_test::message_of;
using attend_test::ScriptedDecoder;
using attend_test::ScriptedMemory;
using attend_test::sources;

constexpr Token end = 0;
constexpr Token start = 1;

template <class S>
class Sampling : public ::testing::Test {
 public:
  /// Counts of each token among many draws from one column.
  static std::vector<double> draws(const std::vector<S>& logits, double temperature, Index top_k,
                                   double top_p, int count = 20000) {
    attend::detail::TokenSampler<S> sampler(temperature, top_k, top_p);
    Random random(11);
    std::vector<double> counts(logits.size());
    const attend::detail::LogitColumn<S> x(logits.data(), static_cast<Index>(logits.size()));
    for (int i = 0; i < count; ++i) ++counts[static_cast<std::size_t>(sampler.draw(x, random))];
    return counts;
  }
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Sampling, Scalars);

/// Pearson's statistic against weights that need not sum to 1; what has no weight must not occur.
double chi_square(const std::vector<double>& counts, const std::vector<double>& weights) {
  double drawn = 0;
  double mass = 0;
  for (const double c : counts) drawn += c;
  for (const double w : weights) mass += w;
  double sum = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    const double expected = drawn * weights[v] / mass;
    if (weights[v] == 0) {
      EXPECT_EQ(counts[v], 0);
    } else {
      sum += (counts[v] - expected) * (counts[v] - expected) / expected;
    }
  }
  return sum;
}

// The 99.9% points of chi-square with 1, 2, 3, 4 and 5 degrees of freedom.
constexpr double critical[] = {0, 10.8, 13.8, 16.3, 18.5, 20.5};

template <class S>
std::vector<S> logits_of(const std::vector<double>& probabilities, double shift) {
  std::vector<S> x;
  for (const double p : probabilities) x.push_back(static_cast<S>(std::log(p) + shift));
  return x;
}

const std::vector<double> probabilities = {0.15, 0.30, 0.05, 0.25, 0.05, 0.20};

TYPED_TEST(Sampling, DrawsByTheProbabilities) {
  for (const double shift : {0.0, 300.0, -300.0}) {
    const auto x = logits_of<TypeParam>(probabilities, shift);
    EXPECT_LT(chi_square(this->draws(x, 1, 0, 1), probabilities), critical[5]);
  }
}

TYPED_TEST(Sampling, TemperatureIsAPower) {
  const auto x = logits_of<TypeParam>(probabilities, 2);
  for (const double temperature : {0.5, 2.0}) {
    std::vector<double> weights;
    for (const double p : probabilities) weights.push_back(std::pow(p, 1 / temperature));
    EXPECT_LT(chi_square(this->draws(x, temperature, 0, 1), weights), critical[5]);
    EXPECT_GT(chi_square(this->draws(x, temperature, 0, 1), probabilities), critical[5]);
  }
}

TYPED_TEST(Sampling, TopKLeavesExactlyTheKLikeliest) {
  const auto x = logits_of<TypeParam>(probabilities, 0);
  EXPECT_LT(chi_square(this->draws(x, 1, 3, 1), {0, 0.30, 0, 0.25, 0, 0.20}), critical[2]);
  EXPECT_LT(chi_square(this->draws(x, 1, 5, 1), {0.15, 0.30, 0.05, 0.25, 0, 0.20}), critical[4]);
  EXPECT_LT(chi_square(this->draws(x, 1, 6, 1), probabilities), critical[5]);
  EXPECT_LT(chi_square(this->draws(x, 1, 99, 1), probabilities), critical[5]);
  EXPECT_EQ(this->draws(x, 1, 1, 1)[1], 20000);
}

TYPED_TEST(Sampling, TopPLeavesExactlyTheNucleus) {
  const auto x = logits_of<TypeParam>(probabilities, 0);
  EXPECT_EQ(this->draws(x, 1, 0, 1e-9)[1], 20000);
  EXPECT_EQ(this->draws(x, 1, 0, 0.29)[1], 20000);
  EXPECT_LT(chi_square(this->draws(x, 1, 0, 0.31), {0, 0.30, 0, 0.25, 0, 0}), critical[1]);
  EXPECT_LT(chi_square(this->draws(x, 1, 0, 0.70), {0, 0.30, 0, 0.25, 0, 0.20}), critical[2]);
  EXPECT_LT(chi_square(this->draws(x, 1, 0, 0.92), {0.15, 0.30, 0.05, 0.25, 0, 0.20}), critical[4]);
  EXPECT_LT(chi_square(this->draws(x, 1, 0, 0.97), probabilities), critical[5]);
}

TYPED_TEST(Sampling, TopPIsOfWhatTopKAndTheTemperatureLeft) {
  const auto x = logits_of<TypeParam>(probabilities, 0);
  // 0.30, 0.25, 0.20 of 0.75: the first two are 0.733 of it.
  EXPECT_LT(chi_square(this->draws(x, 1, 3, 0.72), {0, 0.30, 0, 0.25, 0, 0}), critical[1]);
  EXPECT_LT(chi_square(this->draws(x, 1, 3, 0.74), {0, 0.30, 0, 0.25, 0, 0.20}), critical[2]);
  // Squared, 0.0900 and 0.0625 are 0.693 of 0.2200.
  EXPECT_LT(chi_square(this->draws(x, 0.5, 0, 0.68), {0, 0.09, 0, 0.0625, 0, 0}), critical[1]);
}

TYPED_TEST(Sampling, MinusInfinityIsNeverDrawn) {
  auto x = logits_of<TypeParam>(probabilities, 0);
  x[1] = x[5] = -std::numeric_limits<TypeParam>::infinity();
  EXPECT_LT(chi_square(this->draws(x, 1, 0, 1), {0.15, 0, 0.05, 0.25, 0.05, 0}), critical[3]);
  attend::detail::TokenSampler<TypeParam> sampler(1, 0, 1);
  Random random(1);
  const std::vector<TypeParam> none(4, -std::numeric_limits<TypeParam>::infinity());
  EXPECT_EQ(sampler.draw({none.data(), 4}, random), -1);
}

TYPED_TEST(Sampling, WholeOutputsOccurByTheirProbability) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 3, .spread = 1};
  const ScriptedMemory memory{{{42, 2}}};
  const SamplingOptions options{
      .samples = 20000, .start = start, .end = end, .max_length = {.factor = 0, .offset = 2}};
  std::map<std::vector<Token>, std::pair<double, double>> seen;  // count, probability
  const auto drawn = sample(decoder, memory, options, Random(8));
  ASSERT_EQ(drawn.at(0).size(), 20000U);
  for (const auto& hypothesis : drawn[0]) {
    auto chosen = hypothesis.tokens;
    if (hypothesis.finished) chosen.push_back(end);
    auto& entry = seen[chosen];
    ++entry.first;
    entry.second = std::exp(hypothesis.log_probability);
    if (entry.first == 1) expect_walked(decoder, memory.sources[0], start, end, hypothesis);
  }
  ASSERT_EQ(seen.size(), 7U);  // the end, and two tokens times three
  double sum = 0;
  double mass = 0;
  for (const auto& [chosen, entry] : seen) {
    const double expected = 20000 * entry.second;
    sum += (entry.first - expected) * (entry.first - expected) / expected;
    mass += entry.second;
  }
  EXPECT_NEAR(mass, 1, 1e-6);
  EXPECT_LT(sum, 22.5);  // 6 degrees of freedom
}

TYPED_TEST(Sampling, TemperatureZeroAndNearlyZeroAreGreedySearch) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 30};
  const ScriptedMemory memory = sources(8);
  const auto expected = attend::greedy(decoder, memory, {.start = start, .end = end});
  for (const double temperature : {0.0, 1e-6, 1e-310}) {
    const auto drawn =
        sample(decoder, memory,
               {.samples = 2, .temperature = temperature, .start = start, .end = end}, Random(1));
    for (std::size_t b = 0; b < expected.size(); ++b) {
      expect_same(drawn[b].at(0), expected[b]);
      expect_same(drawn[b].at(1), expected[b]);
    }
  }
}

TYPED_TEST(Sampling, ASampleDependsOnItsStreamsOnly) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 20};
  const ScriptedMemory memory = sources(7);
  SamplingOptions options{.samples = 3, .top_p = 0.9, .start = start, .end = end};
  const Random random(5);
  const auto together = sample(decoder, memory, options, random);
  for (const auto& list : together) EXPECT_EQ(list.size(), 3U);

  SamplingOptions more = options;
  more.samples = 5;
  const auto longer = sample(decoder, memory, more, random);
  for (std::size_t b = 0; b < 7; ++b)
    for (std::size_t i = 0; i < 3; ++i) expect_same(longer[b][i], together[b][i]);

  ScriptedMemory reversed = memory;
  std::reverse(reversed.sources.begin(), reversed.sources.end());
  options.streams = {6, 5, 4, 3, 2, 1, 0};
  const auto backwards = sample(decoder, reversed, options, random);
  for (std::size_t b = 0; b < 7; ++b) expect_same(backwards[6 - b], together[b]);

  for (std::size_t b = 0; b < 7; ++b) {
    options.streams = {b};
    expect_same(sample(decoder, {{memory.sources[b]}}, options, random)[0], together[b]);
  }
}

TYPED_TEST(Sampling, SamplesSentencesAndSeedsDiffer) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 50, .spread = 0};
  const ScriptedMemory memory{{{1, 5}, {1, 5}}};
  const SamplingOptions options{.samples = 4, .start = start, .end = end, .minimum_length = 8};
  std::set<std::vector<Token>> seen;
  for (const std::uint64_t seed : {1U, 2U})
    for (const auto& list : sample(decoder, memory, options, Random(seed)))
      for (const auto& hypothesis : list) seen.insert(hypothesis.tokens);
  EXPECT_EQ(seen.size(), 16U);
}

TYPED_TEST(Sampling, KeepsToItsLimits) {
  const ScriptedDecoder<TypeParam> decoder{.vocabulary = 5};
  const ScriptedMemory memory = sources(6);
  for (const auto& list : sample(decoder, memory,
                                 {.samples = 20,
                                 .start = start,
                                 .end = end,
                                 .max_length = {.factor = 0, .offset = 5},
                                 .minimum_length = 3,
                                 .forbidden = {2}},
                                 Random(3)))
    for (const auto& hypothesis : list) {
      EXPECT_GE(hypothesis.weights.cols(), 3);
      EXPECT_LE(hypothesis.weights.cols(), 5);
      EXPECT_EQ(std::count(hypothesis.tokens.begin(), hypothesis.tokens.end(), 2), 0);
    }
  EXPECT_TRUE(sample(decoder, {}, {.start = start, .end = end}, Random(1)).empty());
}

TYPED_TEST(Sampling, SaysWhatIsOutOfRange) {
  const auto check = [](SamplingOptions options) {
    options.start = start;
    options.end = end;
    return message_of<std::invalid_argument>(
        [&] { (void)sample(ScriptedDecoder<TypeParam>{}, sources(2), options, Random(1)); });
  };
  EXPECT_EQ(check({.samples = 0}), "samples is 0, expected 1 or more");
  EXPECT_EQ(check({.temperature = -1}), "temperature is -1, expected a finite number, 0 or more");
  EXPECT_EQ(check({.temperature = HUGE_VAL}),
            "temperature is inf, expected a finite number, 0 or more");
  EXPECT_EQ(check({.top_k = -2}), "top_k is -2, expected 1 or more, or 0 for all tokens");
  EXPECT_EQ(check({.top_p = 0}), "top_p is 0, expected more than 0 and at most 1");
  EXPECT_EQ(check({.top_p = 1.5}), "top_p is 1.5, expected more than 0 and at most 1");
  EXPECT_EQ(check({.streams = {1, 2, 3}}), "sample: the number of streams is 3, expected 2");
  EXPECT_EQ(check({.forbidden = {7}}),
            "forbidden is 7, expected a token of the vocabulary, 0 to 4");
}

}  // namespace
