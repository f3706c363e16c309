/// What BLEU counts; counts of sentences add up to those of a corpus.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/text/tokenize.hpp>

namespace attend::inline ATTEND_ABI {

inline constexpr std::size_t bleu_order = 4;

/// Element n - 1 of an array belongs to n-grams.
struct BleuStatistics {
  std::array<std::int64_t, bleu_order> matches{};  ///< n-grams found in a reference, clipped.
  std::array<std::int64_t, bleu_order> totals{};   ///< n-grams of the hypotheses.
  std::int64_t hypothesis_length = 0;
  std::int64_t reference_length = 0;  ///< Of the closest references, of equals the shortest.

  BleuStatistics& operator+=(const BleuStatistics& other) {
    for (std::size_t n = 0; n < bleu_order; ++n) {
      matches[n] += other.matches[n];
      totals[n] += other.totals[n];
    }
    hypothesis_length += other.hypothesis_length;
    reference_length += other.reference_length;
    return *this;
  }
  bool operator==(const BleuStatistics&) const = default;
};

using BleuWords = std::vector<std::string_view>;

namespace detail {

/// NgramNumbers for the items that the references hold, by rank; -1 for all others.
template <class Item>
class NgramRanks {
 public:
  explicit NgramRanks(std::vector<Item> items) : items_(std::move(items)) {
    std::sort(items_.begin(), items_.end());
    items_.erase(std::unique(items_.begin(), items_.end()), items_.end());
  }

  [[nodiscard]] std::size_t size() const { return items_.size(); }

  [[nodiscard]] std::int64_t operator()(const Item& item) const {
    const auto found = std::lower_bound(items_.begin(), items_.end(), item);
    return found == items_.end() || *found != item ? -1 : found - items_.begin();
  }

 private:
  std::vector<Item> items_;
};

using NgramNumbers = std::vector<std::int64_t>;

/// NgramNumbers of n-grams from those of (n-1)-grams and words: an n-gram is its first n - 1 words,
/// as one number, and its last. No n-gram is ever hashed or copied, so none is mistaken for
/// another.
inline NgramNumbers longer_ngrams(const NgramNumbers& shorter, const NgramNumbers& words,
                                  std::size_t n) {
  NgramNumbers pairs;
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    const std::int64_t last = words[i + n - 1];
    pairs.push_back(shorter[i] < 0 || last < 0 ? -1 : (shorter[i] << 32) | last);
  }
  return pairs;
}

inline NgramNumbers ngram_counts(const NgramNumbers& numbers, std::size_t size) {
  NgramNumbers count(size, 0);
  for (const std::int64_t number : numbers) {
    if (number >= 0) ++count[static_cast<std::size_t>(number)];
  }
  return count;
}

inline std::int64_t closest_length(std::int64_t length, std::span<const BleuWords> references) {
  auto best = static_cast<std::int64_t>(references.front().size());
  for (const BleuWords& reference : references) {
    const auto other = static_cast<std::int64_t>(reference.size());
    const auto gain = std::abs(best - length) - std::abs(other - length);
    if (gain > 0 || (gain == 0 && other < best)) best = other;
  }
  return best;
}

}  // namespace detail

/// The counts of one sentence. Throws std::invalid_argument without any reference.
[[nodiscard]] inline BleuStatistics bleu_statistics(const BleuWords& hypothesis,
                                                    std::span<const BleuWords> references) {
  check_argument(!references.empty(), "bleu: no references, expected at least one");
  const auto length = static_cast<std::int64_t>(hypothesis.size());
  BleuStatistics result{.hypothesis_length = length,
                        .reference_length = detail::closest_length(length, references)};

  // Sentence 0 is the hypothesis, the references follow.
  std::vector<detail::NgramNumbers> words(1 + references.size());
  BleuWords all;
  for (const BleuWords& reference : references) {
    for (const std::string_view word : reference) all.push_back(word);
  }
  const detail::NgramRanks<std::string_view> word_ranks(std::move(all));
  for (std::size_t s = 0; s < words.size(); ++s) {
    for (const std::string_view word : s == 0 ? hypothesis : references[s - 1]) {
      words[s].push_back(word_ranks(word));
    }
  }

  std::vector<detail::NgramNumbers> ngrams = words;
  std::size_t kinds = word_ranks.size();
  for (std::size_t n = 1; n <= bleu_order; ++n) {
    if (n > 1) {
      detail::NgramNumbers pairs;
      for (std::size_t s = 0; s < words.size(); ++s) {
        ngrams[s] = detail::longer_ngrams(ngrams[s], words[s], n);
        if (s == 0) continue;
        for (const std::int64_t number : ngrams[s]) pairs.push_back(number);
      }
      const detail::NgramRanks<std::int64_t> ranks(std::move(pairs));
      kinds = ranks.size();
      for (detail::NgramNumbers& sentence : ngrams) {
        for (std::int64_t& number : sentence) number = ranks(number);
      }
    }
    detail::NgramNumbers most(kinds, 0);
    for (std::size_t s = 1; s < ngrams.size(); ++s) {
      const detail::NgramNumbers count = detail::ngram_counts(ngrams[s], kinds);
      for (std::size_t k = 0; k < kinds; ++k) most[k] = std::max(most[k], count[k]);
    }
    const detail::NgramNumbers found = detail::ngram_counts(ngrams[0], kinds);
    for (std::size_t k = 0; k < kinds; ++k) {
      result.matches[n - 1] += std::min(found[k], most[k]);
    }
    result.totals[n - 1] = static_cast<std::int64_t>(ngrams[0].size());
  }
  return result;
}

/// The counts of one line, its words divided by white space.
[[nodiscard]] inline BleuStatistics bleu_statistics(std::string_view hypothesis,
                                                    std::string_view reference) {
  const BleuWords words = split_words(reference);
  return bleu_statistics(split_words(hypothesis), std::span(&words, 1));
}

}  // namespace attend
