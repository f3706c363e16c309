/// BLEU, equal to sacreBLEU's on tokenised text.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/text/bleu_statistics.hpp>
#include <attend/text/tokenize.hpp>

namespace attend::inline ATTEND_ABI {

/// What stands for a precision without any match (Chen & Cherry 2014), as sacreBLEU 2.x names it.
enum class BleuSmoothing {
  none,         ///< Zero, and so is the score.
  floor,        ///< value / total, by default value = 0.1.
  add_k,        ///< value is added to matches and totals above unigrams, by default 1.
  exponential,  ///< 1 / (2^k total) for the k-th such order (NIST); sacreBLEU's default.
};

struct BleuOptions {
  BleuSmoothing smoothing = BleuSmoothing::exponential;
  std::optional<double> value = {};  ///< For floor and add_k.
  bool effective_order = false;      ///< Only orders that the hypotheses have; meant for sentences.
};

/// A score and what it is made of.
struct Bleu {
  double score = 0;                             ///< 0 ... 100
  std::array<double, bleu_order> precisions{};  ///< Of 1- to 4-grams, 0 ... 100, smoothed.
  double brevity_penalty = 0;                   ///< min(1, exp(1 - reference / hypothesis))
  BleuStatistics statistics;

  /// Hypothesis words for each reference word; 0 without references.
  [[nodiscard]] double length_ratio() const {
    if (statistics.reference_length == 0) return 0;
    return static_cast<double>(statistics.hypothesis_length) /
           static_cast<double>(statistics.reference_length);
  }
};

/// brevity_penalty * exp(mean of log precisions) (Papineni et al. 2002), with sacreBLEU 2.x's order
/// of smoothing. The score is 0 without a single match, whatever the smoothing.
[[nodiscard]] inline Bleu bleu(const BleuStatistics& statistics, const BleuOptions& options = {}) {
  Bleu result{.statistics = statistics};
  const auto hypothesis = static_cast<double>(statistics.hypothesis_length);
  const auto reference = static_cast<double>(statistics.reference_length);
  if (hypothesis >= reference) {
    result.brevity_penalty = 1;
  } else if (hypothesis > 0) {
    result.brevity_penalty = std::exp(1 - reference / hypothesis);
  }
  if (std::ranges::all_of(statistics.matches, [](auto n) { return n == 0; })) return result;

  std::size_t orders = bleu_order;
  double halving = 1;
  for (std::size_t n = 0; n < bleu_order; ++n) {
    const bool add = options.smoothing == BleuSmoothing::add_k && n > 0;
    const double added = add ? options.value.value_or(1) : 0;
    double matches = static_cast<double>(statistics.matches[n]) + added;
    const double total = static_cast<double>(statistics.totals[n]) + added;
    if (total == 0) break;
    if (options.effective_order) orders = n + 1;
    if (matches == 0) {
      if (options.smoothing == BleuSmoothing::exponential) matches = 1 / (halving *= 2);
      if (options.smoothing == BleuSmoothing::floor) matches = options.value.value_or(0.1);
    }
    result.precisions[n] = 100 * matches / total;
  }

  double sum_of_logs = 0;
  for (std::size_t n = 0; n < orders; ++n) sum_of_logs += std::log(result.precisions[n]);
  result.score = result.brevity_penalty * std::exp(sum_of_logs / static_cast<double>(orders));
  return result;
}

/// Corpus BLEU of lines whose words white space divides (sacreBLEU's `tok:none`).
/// `references[k][i]` is the k-th reference of `hypotheses[i]`. Throws ShapeError for unequal
/// numbers of lines, std::invalid_argument without any reference.
[[nodiscard]] inline Bleu bleu(std::span<const std::string> hypotheses,
                               std::span<const std::vector<std::string>> references,
                               const BleuOptions& options = {}) {
  check_argument(!references.empty(), "bleu: no references, expected at least one set of lines");
  for (const auto& lines : references) {
    check_size("bleu", "number of reference lines", static_cast<Index>(lines.size()),
               static_cast<Index>(hypotheses.size()));
  }
  BleuStatistics sum;
  std::vector<BleuWords> words(references.size());
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    for (std::size_t k = 0; k < references.size(); ++k) words[k] = split_words(references[k][i]);
    sum += bleu_statistics(split_words(hypotheses[i]), words);
  }
  return bleu(sum, options);
}

/// Corpus BLEU with one reference for each line.
[[nodiscard]] inline Bleu bleu(std::span<const std::string> hypotheses,
                               std::span<const std::string> references,
                               const BleuOptions& options = {}) {
  check_size("bleu", "number of reference lines", static_cast<Index>(references.size()),
             static_cast<Index>(hypotheses.size()));
  BleuStatistics sum;
  for (std::size_t i = 0; i < hypotheses.size(); ++i) {
    sum += bleu_statistics(hypotheses[i], references[i]);
  }
  return bleu(sum, options);
}

}  // namespace attend
