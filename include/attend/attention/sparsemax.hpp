/// Sparsemax: the nearest distribution, most of it zero.
#pragma once

#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// a = argmin over distributions of |a - e|^2 = max(e - tau, 0): Martins and Astudillo 2016 (arXiv
/// 1602.02068, eq. 2-4). tau by Michelot's projections (1986): from the keys above the largest
/// energy minus 1 on, keys below the mean's threshold leave until none does; exact, no sorting, no
/// memory. O(T) a projection, of which a few are made.
struct Sparsemax {
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    const S peak = largest(std::ssize(e), e.data());
    S threshold = -1;
    for (Index before = 0, count = std::ssize(e) + 1; count != before;) {
      before = count;
      count = 0;
      S sum = 0;
      for (const S x : e) {
        if (x - peak > threshold) {
          sum += x - peak;
          ++count;
        }
      }
      threshold = (sum - S{1}) / static_cast<S>(count);
    }
    for (S& x : e) x = x - peak > threshold ? x - peak - threshold : S{0};
  }

  /// de_j = da_j - (mean of da over the keys with weight) where a_j > 0, else 0.
  template <Scalar S>
  void align_backward(std::span<const S> /*e*/, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, Sparsemax& /*gradient*/) const {
    S sum = 0;
    Index count = 0;
    for (std::size_t j = 0; j < d.size(); ++j) {
      if (weights[j] > 0) {
        sum += d[j];
        ++count;
      }
    }
    const S mean = sum / static_cast<S>(count);
    for (std::size_t j = 0; j < d.size(); ++j) d[j] = weights[j] > 0 ? d[j] - mean : S{0};
  }
};

}  // namespace attend
