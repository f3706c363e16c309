/// Softmax under a Gaussian: the weights of a predictive local attention.
#pragma once

#include <cmath>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// a_j = softmax(e)_j exp(-(j - p)^2 / (2 sigma^2)), not normalised again: Luong, Pham, Manning 2015
/// (arXiv 1508.04025, eq. 10). The query's one control is the centre p, in keys of the memory. Keys
/// beyond the reach get no energies: see attention/local_predictive.hpp. O(T) a step.
struct Gaussian {
  double sigma = 1;

  static constexpr Index control_size = 1;
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    softmax(std::ssize(e), e.data());
    for (std::size_t j = 0; j < e.size(); ++j) e[j] *= fall(distance(step, j));
  }

  /// With softmax weights b and G = a / b:  dp += sum_j da_j a_j (j - p) / sigma^2,
  /// de_j = b_j (G_j da_j - sum_k a_k da_k).
  template <Scalar S>
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, Gaussian& /*gradient*/) const {
    for (std::size_t j = 0; j < d.size(); ++j) {
      const S away = distance(step, j);
      step.d_controls[0] += d[j] * weights[j] * away / static_cast<S>(sigma * sigma);
      d[j] *= fall(away);
    }
    softmax_backward_of_energies(std::ssize(d), e.data(), d.data());
  }

 private:
  template <Scalar S>
  static S distance(const AlignmentStep<S>& step, std::size_t j) {
    return static_cast<S>(step.first_key + static_cast<Index>(j)) - step.controls[0];
  }
  template <Scalar S>
  [[nodiscard]] S fall(S away) const {
    return std::exp(-away * away / static_cast<S>(2 * sigma * sigma));
  }
};

}  // namespace attend
