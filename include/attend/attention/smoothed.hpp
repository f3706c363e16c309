/// Smoothing: sigmoids, divided by their sum.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// a_j = sigma(e_j) / sum_k sigma(e_k): Chorowski et al. 2015 (arXiv 1506.07503, eq. 11). Bounded,
/// so that one key cannot take all of the weight. Computed as the softmax of log sigma(e), which is
/// the same and holds where every sigmoid is too small for a float. O(T) a step.
struct Smoothed {
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    for (S& x : e) x = std::min(x, S{0}) - std::log1p(std::exp(-std::abs(x)));
    softmax(std::ssize(e), e.data());
  }

  /// de_j = (1 - sigma(e_j)) a_j (da_j - sum_k a_k da_k).
  template <Scalar S>
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, Smoothed& /*gradient*/) const {
    softmax_backward(std::ssize(d), weights.data(), d.data());
    for (std::size_t j = 0; j < d.size(); ++j) d[j] *= S{1} / (S{1} + std::exp(e[j]));
  }
};

}  // namespace attend
