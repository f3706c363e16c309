/// Hard attention without a sample: all weight on the best key.
#pragma once

#include <algorithm>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// e becomes 1 at `chosen` and 0 elsewhere.
template <Scalar S>
void choose(std::span<S> e, std::size_t chosen) {
  std::ranges::fill(e, S{0});
  e[chosen] = 1;
}

template <Scalar S>
[[nodiscard]] std::size_t first_largest(std::span<const S> e) {
  return static_cast<std::size_t>(std::ranges::max_element(e) - e.begin());
}

}  // namespace detail

/// a = 1 at the largest energy, the first of equals. Constant almost everywhere, so that no
/// gradient reaches the energies: for search with a model that was trained otherwise. O(T) a step.
struct Argmax {
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    detail::choose(e, detail::first_largest<S>(e));
  }

  template <Scalar S>
  void align_backward(std::span<const S> /*e*/, std::span<const S> /*weights*/, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, Argmax& /*gradient*/) const {
    std::ranges::fill(d, S{0});
  }
};

/// Argmax forward, softmax backward: the straight-through estimator of Bengio, Leonard, Courville
/// 2013 (arXiv 1308.3432, section 4). The gradient is biased and needs no samples. O(T) a step.
struct StraightThrough {
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    detail::choose(e, detail::first_largest<S>(e));
  }

  /// With p = softmax(e):  de_j = p_j (da_j - sum_k p_k da_k).
  template <Scalar S>
  void align_backward(std::span<const S> e, std::span<const S> /*weights*/, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, StraightThrough& /*gradient*/) const {
    softmax_backward_of_energies(std::ssize(d), e.data(), d.data());
  }
};

}  // namespace attend
