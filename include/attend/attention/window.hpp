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

/// Query u sees keys up to and with `u + offset`. With offset 0 the first query sees the first key
/// (top-left); with T - U the last query sees the last (bottom-right).
struct Causal {
  Index offset = 0;
  [[nodiscard]] KeyRange range(Index query, Index T) const {
    return {0, std::clamp<Index>(query + offset + 1, 0, T)};
  }
};

}  // namespace attend
