#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <reference/message_of.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <attend/text/bleu.hpp>

namespace {

using attend::bleu;
using attend::Bleu;
using attend::bleu_statistics;
using attend::BleuOptions;
using attend::BleuSmoothing;
using attend::BleuStatistics;
using Lines = std::vector<std::string>;
using Words = std::vector<std::string>;

/// The definition with n-grams as lists of words.
std::map<Words, std::int64_t> count_ngrams(const Words& words, std::size_t n) {
  std::map<Words, std::int64_t> counts;
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    ++counts[Words(words.begin() + static_cast<long>(i), words.begin() + static_cast<long>(i + n))];
  }
  return counts;
}

BleuStatistics by_definition(const Words& hypothesis, const std::vector<Words>& references) {
  BleuStatistics result;
  const auto length = static_cast<std::int64_t>(hypothesis.size());
  result.hypothesis_length = length;
  std::vector<std::pair<std::int64_t, std::int64_t>> distances;
  for (const Words& reference : references) {
    const auto other = static_cast<std::int64_t>(reference.size());
    distances.emplace_back(std::abs(other - length), other);
  }
  result.reference_length = std::min_element(distances.begin(), distances.end())->second;
  for (std::size_t n = 1; n <= 4; ++n) {
    for (const auto& [ngram, count] : count_ngrams(hypothesis, n)) {
      std::int64_t most = 0;
      for (const Words& reference : references) {
        auto counts = count_ngrams(reference, n);
        most = std::max(most, counts[ngram]);
      }
      result.totals[n - 1] += count;
      result.matches[n - 1] += std::min(count, most);
    }
  }
  return result;
}

std::string random_line(std::mt19937& random, unsigned longest, unsigned words) {
  std::string line;
  for (auto n = random() % (longest + 1); n > 0; --n) {
    line += "w" + std::to_string(random() % words) + " ";
  }
  return line;
}

Words words_of(const std::string& line) {
  const auto views = attend::split_words(line);
  return {views.begin(), views.end()};
}

/// Five words against six.
const Lines hypothesis{"the cat is on mat"};
const Lines reference{"the cat sat on the mat"};

TEST(Bleu, CountsOfAnExampleByHand) {
  // the cat|is|on mat: unigrams the, cat, on, mat; bigram "the cat".
  const BleuStatistics counts = bleu_statistics(hypothesis[0], reference[0]);
  EXPECT_EQ(counts.matches, (std::array<std::int64_t, 4>{4, 1, 0, 0}));
  EXPECT_EQ(counts.totals, (std::array<std::int64_t, 4>{5, 4, 3, 2}));
  EXPECT_EQ(counts.hypothesis_length, 5);
  EXPECT_EQ(counts.reference_length, 6);
}

TEST(Bleu, SmoothingsOfAnExampleByHand) {
  const double penalty = std::exp(1 - 6.0 / 5.0);
  const auto score = [](const BleuOptions& options) {
    return bleu(hypothesis, reference, options).score;
  };
  EXPECT_EQ(score({.smoothing = BleuSmoothing::none}), 0);
  EXPECT_NEAR(score({.smoothing = BleuSmoothing::exponential}),
              100 * penalty * std::pow(4.0 / 5 * 1 / 4 * (1.0 / 2 / 3) * (1.0 / 4 / 2), 0.25),
              1e-9);
  EXPECT_NEAR(score({.smoothing = BleuSmoothing::floor}),
              100 * penalty * std::pow(4.0 / 5 * 1 / 4 * (0.1 / 3) * (0.1 / 2), 0.25), 1e-9);
  EXPECT_NEAR(score({.smoothing = BleuSmoothing::floor, .value = 0.5}),
              100 * penalty * std::pow(4.0 / 5 * 1 / 4 * (0.5 / 3) * (0.5 / 2), 0.25), 1e-9);
  EXPECT_NEAR(score({.smoothing = BleuSmoothing::add_k}),
              100 * penalty * std::pow(4.0 / 5 * 2 / 5 * 1 / 4 * 1 / 3, 0.25), 1e-9);
  EXPECT_NEAR(score({.smoothing = BleuSmoothing::add_k, .value = 2}),
              100 * penalty * std::pow(4.0 / 5 * 3 / 6 * 2 / 5 * 2 / 4, 0.25), 1e-9);
  EXPECT_EQ(score({}), score({.smoothing = BleuSmoothing::exponential}));
}

TEST(Bleu, ResultSaysWhatItIsMadeOf) {
  const Bleu result = bleu(hypothesis, reference);
  EXPECT_NEAR(result.precisions[0], 80, 1e-9);
  EXPECT_NEAR(result.precisions[1], 25, 1e-9);
  EXPECT_NEAR(result.precisions[2], 100.0 / 6, 1e-9);
  EXPECT_NEAR(result.precisions[3], 100.0 / 8, 1e-9);
  EXPECT_NEAR(result.brevity_penalty, std::exp(-0.2), 1e-12);
  EXPECT_NEAR(result.length_ratio(), 5.0 / 6, 1e-12);
  EXPECT_EQ(result.statistics, bleu_statistics(hypothesis[0], reference[0]));
}

TEST(Bleu, EffectiveOrderOfAShortSentence) {
  const Lines two{"ein Haus"};
  EXPECT_NEAR(bleu(two, two, {.effective_order = true}).score, 100, 1e-9);
  EXPECT_EQ(bleu(two, two).score, 0) << "there are no trigrams";
  const Lines half{"ein Baum"};
  EXPECT_NEAR(bleu(half, two, {.effective_order = true}).score,
              100 * std::sqrt(1.0 / 2 * 1.0 / 2 / 1), 1e-9);
  EXPECT_NEAR(bleu(half, two, {.smoothing = BleuSmoothing::add_k}).score,
              100 * std::pow(1.0 / 2 * 1.0 / 2 * 1 * 1, 0.25), 1e-9);
}

TEST(Bleu, NothingMatchesNothingCounts) {
  const Lines other{"x y z u v"};
  for (const auto smoothing : {BleuSmoothing::none, BleuSmoothing::floor, BleuSmoothing::add_k,
                               BleuSmoothing::exponential}) {
    EXPECT_EQ(bleu(other, reference, {.smoothing = smoothing}).score, 0);
    EXPECT_EQ(bleu(Lines{""}, reference, {.smoothing = smoothing}).score, 0);
    EXPECT_EQ(bleu(reference, Lines{""}, {.smoothing = smoothing}).score, 0);
    EXPECT_EQ(bleu(Lines{}, Lines{}, {.smoothing = smoothing}).score, 0);
  }
  EXPECT_EQ(bleu(Lines{""}, reference).brevity_penalty, 0);
  EXPECT_EQ(bleu(Lines{""}, Lines{""}).brevity_penalty, 1);
  EXPECT_EQ(bleu(reference, Lines{""}).length_ratio(), 0);
}

TEST(Bleu, ClipsAtTheMostFrequentReference) {
  // Papineni et al. 2002, section 2.1: modified unigram precision 2/7 and bigram precision 0.
  const std::vector<Lines> references{{"the cat is on the mat"}, {"there is a cat on the mat"}};
  const Bleu result = bleu(Lines{"the the the the the the the"}, references);
  EXPECT_EQ(result.statistics.matches, (std::array<std::int64_t, 4>{2, 0, 0, 0}));
  EXPECT_EQ(result.statistics.totals[0], 7);
  EXPECT_EQ(result.statistics.reference_length, 7);
}

TEST(Bleu, OfEquallyCloseReferencesTheShorterCounts) {
  const std::vector<Lines> references{{"a b c d e f"}, {"a b c d"}, {"a"}};
  EXPECT_EQ(bleu(Lines{"a b c d e"}, references).statistics.reference_length, 4);
}

TEST(Bleu, CountsEqualTheDefinition) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 400; ++trial) {
    const std::string guess = random_line(random, 25, 4);
    std::vector<std::string> lines(1 + random() % 3);
    std::vector<attend::BleuWords> views;
    std::vector<Words> references;
    for (std::string& line : lines) {
      line = random_line(random, 25, 4);
      views.push_back(attend::split_words(line));
      references.push_back(words_of(line));
    }
    const BleuStatistics given = bleu_statistics(attend::split_words(guess), views);
    const BleuStatistics expected = by_definition(words_of(guess), references);
    ASSERT_EQ(given.matches, expected.matches) << guess;
    ASSERT_EQ(given.totals, expected.totals);
    ASSERT_EQ(given.hypothesis_length, expected.hypothesis_length);
    ASSERT_EQ(given.reference_length, expected.reference_length);
  }
}

TEST(Bleu, CorpusLaws) {
  std::mt19937 random(6);
  Lines guesses(50);
  Lines references(50);
  for (auto& line : guesses) line = random_line(random, 20, 6);
  for (auto& line : references) line = random_line(random, 20, 6);
  const Bleu score = bleu(guesses, references);
  EXPECT_GT(score.score, 0);
  EXPECT_LT(score.score, 100);
  EXPECT_NEAR(bleu(references, references).score, 100, 1e-9);

  const std::vector<Lines> twice{references, references};
  EXPECT_EQ(bleu(guesses, twice).statistics, score.statistics);

  Lines shuffled_guesses;
  Lines shuffled_references;
  std::vector<std::size_t> order(guesses.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  BleuStatistics odd;
  BleuStatistics even;
  for (const std::size_t i : order) {
    shuffled_guesses.push_back(guesses[i]);
    shuffled_references.push_back(references[i]);
    (i % 2 == 0 ? even : odd) += bleu_statistics(guesses[i], references[i]);
  }
  EXPECT_EQ(bleu(shuffled_guesses, shuffled_references).score, score.score);
  EXPECT_EQ(bleu(odd += even).score, score.score);
}

TEST(Bleu, UnequalNumbersOfLinesAreRefused) {
  using reference::message_of;
  const Lines one{"a"};
  const Lines two{"a", "b"};
  EXPECT_EQ(message_of([&] { (void)bleu(two, one); }),
            "bleu: number of reference lines is 1, expected 2");
  EXPECT_EQ(message_of([&] {
              (void)bleu(one, std::vector<Lines>{one, two});
            }),
            "bleu: number of reference lines is 2, expected 1");
  EXPECT_EQ(message_of([&] { (void)bleu(one, std::vector<Lines>{}); }),
            "bleu: no references, expected at least one set of lines");
  EXPECT_EQ(message_of([] { (void)bleu_statistics({}, std::span<const attend::BleuWords>{}); }),
            "bleu: no references, expected at least one");
}

}  // namespace
