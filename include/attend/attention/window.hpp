/// Windows: which keys a query may see.
#pragma once

#include <algorithm>
#include <concepts>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Keys [begin, end); empty where begin >= end.
struct KeyRange {
  Index begin = 0;
  Index end = 0;
};

/// A window gives each query the half-open range of keys that it may see. Keys outside get weight
/// zero and gradient zero exactly, whatever they hold.
template <class W>
concept Window = std::copyable<W> && requires(const W& window, Index query, Index T) {
  { window.range(query, T) } -> std::same_as<KeyRange>;
};

/// Every key.
struct Full {
  [[nodiscard]] KeyRange range(Index /*query*/, Index T) const { return {0, T}; }
};

/// Whether a window shows every key to every query.
template <Window W>
[[nodiscard]] bool shows_all(const W& window) {
  if constexpr (requires { window.shows_all(); }) return window.shows_all();
  return std::same_as<W, Full>;
}

/// Query u sees keys up to and with `u + offset`.
struct Causal {
  Index offset = 0;

  /// The first query sees the first key alone, as PyTorch's `is_causal`.
  static Causal top_left() { return {0}; }
  /// The last of U queries sees the last of T keys, as in ONNX: the queries continue a sequence of
  /// which the keys before are the past.
  static Causal bottom_right(Index T, Index U) { return {T - U}; }

  [[nodiscard]] KeyRange range(Index query, Index T) const {
    return {0, std::clamp<Index>(query + offset + 1, 0, T)};
  }
};

/// Query u sees `left` keys before position u + offset, that position, and `right` keys behind it:
/// banded self-attention. With left = right = D it is the monotonic local attention (local-m) of
/// Luong, Pham, Manning 2015 (arXiv 1508.04025, section 3.2). Costs O(left + right) a query.
struct Sliding {
  Index left = 0;
  Index right = 0;
  Index offset = 0;

  /// local-m with the paper's D.
  static Sliding local_monotonic(Index D) { return {D, D}; }
  /// The position itself and the `size - 1` before it.
  static Sliding causal(Index size) { return {size - 1, 0}; }

  [[nodiscard]] KeyRange range(Index query, Index T) const {
    const Index at = query + offset;
    return {std::clamp<Index>(at - left, 0, T), std::clamp<Index>(at + right + 1, 0, T)};
  }
};

/// What two windows both show.
template <Window First, Window Second>
struct Both {
  First first;
  Second second;

  [[nodiscard]] KeyRange range(Index query, Index T) const {
    const KeyRange a = first.range(query, T);
    const KeyRange b = second.range(query, T);
    return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
  }
};
template <class First, class Second>
Both(First, Second) -> Both<First, Second>;

}  // namespace attend
