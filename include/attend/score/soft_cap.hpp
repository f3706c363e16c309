/// Soft cap: energies that cannot grow without bound.
#pragma once

#include <cmath>

#include <attend/score/energy_tile.hpp>

namespace attend::inline ATTEND_ABI {

/// e becomes c tanh(e / c): Gemma 2 (arXiv 2408.00118, section 2), ONNX `Attention` (softcap). An
/// Adjustment: score/adjusted.hpp.
template <attend::Scalar S>
struct SoftCap {
  S cap = 30;

  static void parameters(auto&&, auto&...) {}

  void adjust(const EnergyTile<S>& tile) const {
    for (Index u = 0; u < tile.queries(); ++u) {
      for (Index t = 0; t < tile.keys(); ++t) tile(t, u) = cap * std::tanh(tile(t, u) / cap);
    }
  }

  /// y = c tanh(e / c):  de = dy (1 - (y/c)^2).
  void adjust_backward(const EnergyTile<S>& tile, const EnergyTile<S>& d_tile, TileGradient<S>,
                       SoftCap& /*gradient*/) const {
    for (Index u = 0; u < tile.queries(); ++u) {
      for (Index t = 0; t < tile.keys(); ++t) {
        const S y = tile(t, u) / cap;
        d_tile(t, u) *= S{1} - y * y;
      }
    }
  }
};

}  // namespace attend
