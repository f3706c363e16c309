/// Edit distance, and the error rates that are made of it.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>
#include <vector>

#include <attend/core/error.hpp>

namespace attend::inline ATTEND_ABI {

/// What turns a reference into a hypothesis.
struct EditCounts {
  std::int64_t substitutions = 0;
  std::int64_t insertions = 0;  ///< Items of the hypothesis that the reference lacks.
  std::int64_t deletions = 0;   ///< Items of the reference that the hypothesis lacks.

  [[nodiscard]] std::int64_t distance() const { return substitutions + insertions + deletions; }

  EditCounts& operator+=(const EditCounts& other) {
    substitutions += other.substitutions;
    insertions += other.insertions;
    deletions += other.deletions;
    return *this;
  }
  bool operator==(const EditCounts&) const = default;
};

/// Two ranges with a size whose items can be compared by number: words, tokens, phonemes, the bytes
/// of a string.
template <class A, class B>
concept ComparableRanges = requires(const A& a, const B& b) {
  std::size(a);
  std::size(b);
  { std::begin(a)[0] == std::begin(b)[0] } -> std::convertible_to<bool>;
};

/// The fewest edits between the two (Levenshtein 1966); of several ways, the one with the most
/// substitutions, so that swapping the ranges swaps insertions and deletions.
/// Time |hypothesis| * |reference|, memory |reference|.
template <class Hypothesis, class Reference>
requires ComparableRanges<Hypothesis, Reference>
[[nodiscard]] EditCounts edit_counts(const Hypothesis& hypothesis, const Reference& reference) {
  // One integer orders paths by edits first and by gaps (insertions, deletions) second. Gaps and
  // the difference of the lengths then determine every count.
  constexpr std::int64_t substitution = std::int64_t{1} << 32;
  constexpr std::int64_t gap = substitution + 1;
  const auto h = std::begin(hypothesis);
  const auto r = std::begin(reference);
  const auto rows = static_cast<std::int64_t>(std::size(hypothesis));
  const auto cols = static_cast<std::int64_t>(std::size(reference));

  std::vector<std::int64_t> cost(static_cast<std::size_t>(cols) + 1);
  for (std::size_t j = 0; j < cost.size(); ++j) cost[j] = static_cast<std::int64_t>(j) * gap;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int64_t diagonal = cost[0];
    cost[0] += gap;
    for (std::int64_t j = 0; j < cols; ++j) {
      auto& above = cost[static_cast<std::size_t>(j) + 1];
      const std::int64_t left = cost[static_cast<std::size_t>(j)];
      const std::int64_t matched = diagonal + (h[i] == r[j] ? 0 : substitution);
      diagonal = above;
      above = std::min(matched, std::min(above, left) + gap);
    }
  }

  const std::int64_t distance = cost.back() / substitution;
  const std::int64_t gaps = cost.back() % substitution;
  return {.substitutions = distance - gaps,
          .insertions = (gaps + rows - cols) / 2,
          .deletions = (gaps - rows + cols) / 2};
}

/// The fewest substitutions, insertions and deletions between the two.
template <class A, class B>
requires ComparableRanges<A, B>
[[nodiscard]] std::int64_t edit_distance(const A& a, const B& b) {
  return edit_counts(a, b).distance();
}

/// Error rates over a corpus: word error rate for words, phoneme error rate for phonemes, character
/// error rate for code points. Sums with `+=`.
struct ErrorRate {
  EditCounts edits;
  std::int64_t reference_length = 0;
  std::int64_t sequences = 0;
  std::int64_t exact = 0;  ///< Sequences without any edit.

  /// Adds one sequence.
  template <class Hypothesis, class Reference>
  requires ComparableRanges<Hypothesis, Reference>
  void add(const Hypothesis& hypothesis, const Reference& reference) {
    add_counts(edit_counts(hypothesis, reference), static_cast<std::int64_t>(std::size(reference)));
  }

  /// Adds one sequence with several references: the one with the fewest edits counts, of equals the
  /// longest. Throws std::invalid_argument without any reference.
  template <class Hypothesis, class References>
  requires requires(const References& r) {
    requires ComparableRanges<Hypothesis, std::remove_cvref_t<decltype(*std::begin(r))>>;
  }
  void add_best(const Hypothesis& hypothesis, const References& references) {
    check_argument(std::begin(references) != std::end(references),
                   "ErrorRate: no references, expected at least one");
    EditCounts best;
    std::int64_t best_length = -1;
    for (const auto& reference : references) {
      const EditCounts counts = edit_counts(hypothesis, reference);
      const auto length = static_cast<std::int64_t>(std::size(reference));
      const bool better = counts.distance() < best.distance() ||
                          (counts.distance() == best.distance() && length > best_length);
      if (best_length < 0 || better) {
        best = counts;
        best_length = length;
      }
    }
    add_counts(best, best_length);
  }

  /// Edits for each item of the references; may exceed 1. Infinite where there are edits but no
  /// items, 0 where there is nothing.
  [[nodiscard]] double rate() const {
    if (edits.distance() == 0) return 0;
    if (reference_length == 0) return std::numeric_limits<double>::infinity();
    return static_cast<double>(edits.distance()) / static_cast<double>(reference_length);
  }

  /// The share of sequences without any edit; 1 where there is nothing.
  [[nodiscard]] double exact_rate() const {
    return sequences == 0 ? 1 : static_cast<double>(exact) / static_cast<double>(sequences);
  }

  ErrorRate& operator+=(const ErrorRate& other) {
    edits += other.edits;
    reference_length += other.reference_length;
    sequences += other.sequences;
    exact += other.exact;
    return *this;
  }
  bool operator==(const ErrorRate&) const = default;

 private:
  void add_counts(const EditCounts& counts, std::int64_t length) {
    edits += counts;
    reference_length += length;
    sequences += 1;
    exact += counts.distance() == 0 ? 1 : 0;
  }
};

}  // namespace attend
