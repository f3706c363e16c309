/// How far a simultaneous translation stays behind its speaker.
#pragma once

#include <span>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Average lagging (Ma et al. 2019, arXiv 1810.08398, eq. 8-9), in source words:
///
///     AL = 1/tau sum_{t=1}^{tau} (g(t) - (t - 1) / r),  r = |y| / |x|,  tau = min {t: g(t) = |x|}
///
/// `delays` holds g(1) to g(|y|), the source words read before each target word; 0 without target
/// words. Throws std::invalid_argument for delays that fall or exceed `source_words`.
[[nodiscard]] inline double average_lagging(std::span<const Index> delays, Index source_words) {
  if (delays.empty()) return 0;
  const double words_per_target =
      static_cast<double>(source_words) / static_cast<double>(delays.size());
  double sum = 0;
  Index t = 0;
  Index before = 0;
  for (const Index g : delays) {
    check_argument(g >= before && g <= source_words, "average_lagging: delay ", g, " after ",
                   before, ", expected one that does not fall, to ", source_words);
    sum += static_cast<double>(g) - static_cast<double>(t++) * words_per_target;
    if (g == source_words) break;
    before = g;
  }
  return sum / static_cast<double>(t);
}

}  // namespace attend
