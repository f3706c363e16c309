/// Which keys the queries of one call see.
#pragma once

#include <algorithm>

#include <attend/attention/memory.hpp>
#include <attend/attention/queries.hpp>
#include <attend/attention/window.hpp>
#include <attend/score/energy_tile.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Keys [key, key + keys) and queries [query, query + queries) of a call.
struct Tile {
  Index key;
  Index keys;
  Index query;
  Index queries;
};

/// The window, what the memory shows, the kept keys and the bias together, over T keys.
template <Window W, Scalar S>
class Sight {
 public:
  Sight(const W& window, const Queries<S>& queries, const MemoryView<S>& memory)
      : window_(window),
        queries_(queries),
        T_(memory.keys.cols()),
        first_(memory.first),
        shown_(memory.shown) {}

  /// The keys that query u may see, by their columns; some of them may be hidden by a mask.
  [[nodiscard]] KeyRange range(Index u) const {
    const KeyRange seen = window_.range(queries_.first + u, first_ + T_);
    return {std::max<Index>(std::max(seen.begin, shown_.begin) - first_, 0),
            std::min(std::min(seen.end, shown_.end) - first_, T_)};
  }

  /// From the first key that some of the queries see to the last.
  [[nodiscard]] KeyRange range(Index first, Index count) const {
    KeyRange all{T_, 0};
    for (Index u = first; u < first + count; ++u) {
      const KeyRange seen = range(u);
      if (seen.begin >= seen.end) continue;
      all.begin = std::min(all.begin, seen.begin);
      all.end = std::max(all.end, seen.end);
    }
    return all;
  }

  /// Whether every query of the tile sees every key of it.
  [[nodiscard]] bool whole(const Tile& tile) const {
    for (Index u = tile.query; u < tile.query + tile.queries; ++u) {
      const KeyRange seen = range(u);
      if (seen.begin > tile.key || seen.end < tile.key + tile.keys) return false;
      if (!queries_.has_masks()) continue;
      for (Index t = tile.key; t < tile.key + tile.keys; ++t) {
        if (queries_.hidden(t, u)) return false;
      }
    }
    return true;
  }

  /// Calls `body(begin, end)` for the runs of neighbouring keys of [from, to) that query u sees.
  template <class Body>
  void for_each_run(Index u, Index from, Index to, Body&& body) const {
    const KeyRange seen = range(u);
    from = std::max(from, seen.begin);
    to = std::min(to, seen.end);
    const bool masks = queries_.has_masks();
    for (Index t = from; t < to;) {
      Index end = masks ? t : to;
      while (end < to && !queries_.hidden(end, u)) ++end;
      if (end > t) body(t, end);
      t = end + 1;
    }
  }

  /// Whether query u sees a key from column t on.
  [[nodiscard]] bool sees_from(Index u, Index t) const {
    const KeyRange seen = range(u);
    t = std::max(t, seen.begin);
    if (queries_.has_masks()) {
      while (t < seen.end && queries_.hidden(t, u)) ++t;
    }
    return t < seen.end;
  }

 private:
  const W& window_;
  const Queries<S>& queries_;
  Index T_;
  Index first_;
  KeyRange shown_;
};

/// Adds the caller's bias to the energies of queries `query` and on.
template <Scalar S>
void add_bias(const Queries<S>& queries, const EnergyTile<S>& tile, Index query) {
  if (!queries.bias) return;
  for (Index u = 0; u < tile.queries(); ++u) {
    for (Index t = 0; t < tile.keys(); ++t) {
      tile(t, u) += queries.bias(tile.place.key + t, query + u);
    }
  }
}

/// Multiplies weights by what dropout makes of them.
template <Scalar S>
void drop_weights(const Queries<S>& queries, const EnergyTile<S>& tile, Index query) {
  if (queries.dropout.p == 0) return;
  for (Index u = 0; u < tile.queries(); ++u) {
    for (Index t = 0; t < tile.keys(); ++t) {
      tile(t, u) *= queries.dropout.template factor<S>(tile.place.key + t, query + u);
    }
  }
}

}  // namespace attend::inline ATTEND_ABI::detail
