/// Relative positions: a vector for each distance.
#pragma once

#include <algorithm>

#include <attend/core/initialize.hpp>
#include <attend/score/position_table.hpp>

namespace attend::inline ATTEND_ABI {

/// e_tu becomes e_tu + s q_u'r, r for the distance t - u, clipped to [-c, c]: the keys' half of
/// Shaw, Uszkoreit, Vaswani 2018 (arXiv 1803.02155, eq. 4-5); s is the scale of the score around
/// it, 1 or 1/sqrt(d_e). R (d_e x 2c + 1). An Adjustment: score/adjusted.hpp. Costs at most as much
/// as the inner product of query and key.
template <attend::Scalar S>
class RelativePositions {
 public:
  Matrix<S> R;

  RelativePositions() = default;
  RelativePositions(Index d_e, Index clip, S scale, Random& random)
      : R(d_e, 2 * clip + 1), scale_(scale) {
    initialize_glorot(R, random);
  }

  static void parameters(auto&& f, auto&... m) { f("R", m.R...); }

  [[nodiscard]] Index clip() const { return R.cols() / 2; }

  void adjust(const EnergyTile<S>& tile) const {
    detail::add_table_energies(tile, R, scale_, column(tile));
  }
  void undo(const EnergyTile<S>& tile) const {
    detail::add_table_energies(tile, R, -scale_, column(tile));
  }
  /// dq_u += s de r,  dr += s de q_u.
  void adjust_backward(const EnergyTile<S>& /*tile*/, const EnergyTile<S>& d_tile,
                       TileGradient<S> d, RelativePositions& gradient) const {
    detail::add_table_energies_backward(d_tile, R, scale_, column(d_tile), d.dA, gradient.R);
  }

 private:
  [[nodiscard]] auto column(const EnergyTile<S>& tile) const {
    return [c = clip(), apart = tile.place.key - tile.place.query](Index t, Index u) {
      return std::clamp(apart + t - u, -c, c) + c;
    };
  }

  S scale_ = 1;
};

}  // namespace attend
