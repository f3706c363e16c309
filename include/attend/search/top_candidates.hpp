/// The k best continuations of one sentence's beam.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/search/log_normaliser.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Live hypothesis number `rank` continued with `token`.
struct Candidate {
  double log_probability;
  double logit;
  Index rank;
  Token token;
};

/// Ties go to the hypothesis that ranked higher, then to the lower token. The logit stands between
/// the two because adding may round two of a column's log-probabilities to one.
[[nodiscard]] inline bool ranks_before(const Candidate& a, const Candidate& b) {
  if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
  if (a.rank != b.rank) return a.rank < b.rank;
  if (a.logit != b.logit) return a.logit > b.logit;
  return a.token < b.token;
}

/// Keeps the k best of all that is offered, in a heap whose front is the worst of them. Blocks of
/// tokens whose greatest logit cannot reach the front are passed over in one comparison.
template <Scalar S>
class TopCandidates {
 public:
  void reset(Index k) {
    k_ = static_cast<std::size_t>(k);
    heap_.clear();
    heap_.reserve(k_);
  }

  /// Offers every token of one hypothesis; -Inf is no candidate.
  void offer(const LogitColumn<S>& x, double log_normaliser, Index rank, double log_probability) {
    for (Index first = 0; first < x.size(); first += block) {
      const Index count = std::min(block, x.size() - first);
      const S greatest = largest(count, x.data() + first);
      const double reach = log_probability + (static_cast<double>(greatest) - log_normaliser);
      if (heap_.size() == k_ && reach < heap_.front().log_probability) continue;
      for (Index v = first; v < first + count; ++v) {
        if (x[v] == -std::numeric_limits<S>::infinity()) continue;
        const auto logit = static_cast<double>(x[v]);
        insert({log_probability + (logit - log_normaliser), logit, rank, static_cast<Token>(v)});
      }
    }
  }

  /// Best first; ends the offering.
  [[nodiscard]] std::span<const Candidate> sorted() {
    std::sort_heap(heap_.begin(), heap_.end(), ranks_before);
    return heap_;
  }

 private:
  static constexpr Index block = 128;

  void insert(const Candidate& candidate) {
    if (heap_.size() == k_) {
      if (!ranks_before(candidate, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), ranks_before);
      heap_.pop_back();
    }
    heap_.push_back(candidate);
    std::push_heap(heap_.begin(), heap_.end(), ranks_before);
  }

  std::size_t k_ = 0;
  std::vector<Candidate> heap_;
};

}  // namespace attend::inline ATTEND_ABI::detail
