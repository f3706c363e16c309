/// How long an output may become, and what its length is worth.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// The greatest |Y| for a source of T positions: `min(factor T + offset, cap)`, the end symbol
/// counted. A fixed limit of n is `{.factor = 0, .offset = n}`.
struct LengthLimit {
  double factor = 2;
  Index offset = 10;
  Index cap = std::numeric_limits<Index>::max();

  [[nodiscard]] Index operator()(Index source_length) const {
    const double grown = factor * static_cast<double>(source_length);
    const auto room = static_cast<double>(cap) - static_cast<double>(offset);
    return grown < room ? static_cast<Index>(grown) + offset : cap;
  }

  /// Throws std::invalid_argument unless every source may have at least one step.
  void check() const {
    check_argument(factor >= 0, "max_length.factor is ", factor, ", expected 0 or more");
    check_argument(offset >= 1, "max_length.offset is ", offset, ", expected 1 or more");
    check_argument(cap >= 1, "max_length.cap is ", cap, ", expected 1 or more");
  }
};

/// The divisor lp(|Y|) of a beam's log-probabilities; without one, search prefers short outputs.
/// It is 1, or grows with the length, because alpha < 0 throws std::invalid_argument.
class LengthPenalty {
 public:
  /// lp = 1.
  static LengthPenalty none() { return {0, 0}; }

  /// lp = (5 + |Y|)^alpha / 6^alpha (Wu et al. 2016, arXiv 1609.08144, eq. 14).
  static LengthPenalty wu(double alpha) { return {5, alpha}; }

  /// lp = |Y|^alpha; alpha = 1 ranks by the mean log-probability of a token.
  static LengthPenalty power(double alpha) { return {0, alpha}; }

  [[nodiscard]] double operator()(Index length) const {
    return std::pow((shift_ + static_cast<double>(length)) / (shift_ + 1), alpha_);
  }

 private:
  LengthPenalty(double shift, double alpha) : shift_(shift), alpha_(alpha) {
    check_argument(alpha >= 0 && std::isfinite(alpha), "length_penalty: alpha is ", alpha,
                   ", expected a finite number, 0 or more");
  }

  double shift_;
  double alpha_;
};

}  // namespace attend
