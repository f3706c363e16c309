/// Work dealt to equal parts.
#pragma once

#include <algorithm>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// `count` things dealt to parts of at most `most`, as evenly as they go, larger parts first: a
/// batch of 16 columns is 6 + 5 + 5 and not 6 + 6 + 4.
struct Deal {
  Index parts;
  Index fewest;
  Index larger;

  Deal(Index count, Index most)
      : parts((count + most - 1) / most),
        fewest(count / std::max(parts, Index{1})),
        larger(count - fewest * parts) {}
  [[nodiscard]] Index begin(Index part) const { return part * fewest + std::min(part, larger); }
  [[nodiscard]] Index size(Index part) const { return fewest + (part < larger ? 1 : 0); }
};

/// Calls `body.template operator()<n>(first)` for parts of n = Most, then of Most / By and so on,
/// that cover [0, count).
template <int Most, int By, class Body>
EIGEN_ALWAYS_INLINE void for_each_part(Index count, Body&& body, Index first = 0) {
  for (; first + Most <= count; first += Most) body.template operator()<Most>(first);
  if constexpr (Most > 1) {
    if (first < count) for_each_part<Most / By, By>(count, body, first);
  }
}

/// Calls `body.template operator()<count>()` for a count of Least to Most that is known at run
/// time.
template <int Most, int Least, class Body>
EIGEN_ALWAYS_INLINE void with_count(Index count, Body&& body) {
  if (count == Most) {
    body.template operator()<Most>();
  } else if constexpr (Most > Least) {
    with_count<Most - 1, Least>(count, body);
  }
}

}  // namespace attend::inline ATTEND_ABI::detail
