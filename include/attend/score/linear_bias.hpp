/// Attention with linear biases (ALiBi): what is far is worth less.
#pragma once

#include <cmath>
#include <cstdlib>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/score/energy_tile.hpp>

namespace attend::inline ATTEND_ABI {

/// e_tu becomes e_tu - m |u - t|, with positions instead of position embeddings: Press, Smith,
/// Lewis 2022 (arXiv 2108.12409, section 3). Head h of n has the slope m = 2^(-8 (h + 1) / n).
/// Nothing is learned. An Adjustment: score/adjusted.hpp.
template <attend::Scalar S>
class LinearBias {
 public:
  LinearBias() : LinearBias(1) {}
  explicit LinearBias(Index heads) : slopes_(heads) {
    check_argument(heads >= 1, "LinearBias: heads is ", heads, ", expected 1 or more");
    for (Index h = 0; h < heads; ++h) {
      slopes_(h) =
          static_cast<S>(std::exp2(-8.0 * static_cast<double>(h + 1) / static_cast<double>(heads)));
    }
  }

  static void parameters(auto&&, auto&...) {}

  [[nodiscard]] S slope(Index head) const {
    check_argument(head >= 0 && head < slopes_.size(), "LinearBias: head ", head,
                   " is not among the ", slopes_.size(), " that it was made for");
    return slopes_(head);
  }

  void adjust(const EnergyTile<S>& tile) const { add(tile, -slope(tile.place.head)); }
  void undo(const EnergyTile<S>& tile) const { add(tile, slope(tile.place.head)); }
  /// The derivative is 1.
  void adjust_backward(const EnergyTile<S>& /*tile*/, const EnergyTile<S>& /*d_tile*/,
                       TileGradient<S>, LinearBias& /*gradient*/) const {}

 private:
  static void add(const EnergyTile<S>& tile, S slope) {
    for (Index u = 0; u < tile.queries(); ++u) {
      const Index query = tile.place.query + u - tile.place.key;
      for (Index t = 0; t < tile.keys(); ++t) {
        tile(t, u) += slope * static_cast<S>(std::abs(query - t));
      }
    }
  }

  Vector<S> slopes_;
};

}  // namespace attend
