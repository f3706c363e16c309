/// The denominator of one column's softmax, in the log domain.
#pragma once

#include <algorithm>
#include <cmath>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI::detail {

template <Scalar S>
using LogitColumn = Eigen::Map<const Eigen::Array<S, Eigen::Dynamic, 1>>;

[[noreturn]] inline void throw_logits(double greatest, Index step, Index sentence) {
  const char* what = std::isnan(greatest) ? "a logit is NaN"
                     : greatest > 0       ? "a logit is +Inf"
                                          : "all logits are -Inf";
  throw NonFiniteError(
      message("search: ", what, " at step ", step, " of sentence ", sentence,
              "; check the model's parameters, or that they belong to this model"));
}

/// log sum_v exp(x_v), so that x_v minus it is a log-probability and never above 0: the greatest
/// x alone already gives the sum 1. The bits depend on nothing outside the column, and on no -Inf
/// at its end, which stand where a batch has a longer source. -Inf is a legal logit; throws
/// NonFiniteError on NaN, +Inf, or where all are -Inf.
template <Scalar S>
[[nodiscard]] double log_normaliser(const LogitColumn<S>& x, Index step, Index sentence) {
  const S greatest = x.template maxCoeff<Eigen::PropagateNaN>();
  if (!std::isfinite(greatest)) [[unlikely]]
    throw_logits(static_cast<double>(greatest), step, sentence);
  const auto sum = static_cast<double>(sum_of_exponentials<S>(x.size(), x.data(), greatest));
  return static_cast<double>(greatest) + std::log(std::max(sum, 1.0));
}

}  // namespace attend::inline ATTEND_ABI::detail
