/// Softmax with a temperature.
#pragma once

#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// a = softmax(beta e), beta = 1 / temperature: Chorowski et al. 2015 (arXiv 1506.07503, eq. 10,
/// sharpening). beta > 1 looks at fewer keys, beta < 1 at more. O(T) a step.
struct Sharpened {
  double beta = 1;

  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    for (S& x : e) x *= static_cast<S>(beta);
    softmax(std::ssize(e), e.data());
  }

  /// de_j = beta a_j (da_j - sum_k a_k da_k).
  template <Scalar S>
  void align_backward(std::span<const S> /*e*/, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, Sharpened& /*gradient*/) const {
    softmax_backward(std::ssize(d), weights.data(), d.data());
    for (S& x : d) x *= static_cast<S>(beta);
  }
};

}  // namespace attend
