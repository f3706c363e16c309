/// Adjustments of energies that are chosen when the program runs.
#pragma once

#include <optional>

#include <attend/core/error.hpp>
#include <attend/score/adjusted.hpp>
#include <attend/score/linear_bias.hpp>
#include <attend/score/relative_positions.hpp>
#include <attend/score/soft_cap.hpp>

namespace attend::inline ATTEND_ABI {

struct AdjustmentConfig {
  /// c of the soft cap; 0: none.
  double soft_cap = 0;
  /// The distance from which on relative positions are all the same; 0: none are learned.
  Index relative_clip = 0;
  bool linear_bias = false;
};

/// Any of the library's adjustments, in this order: soft cap, relative positions, linear biases;
/// none at all by default, which then costs nothing. An Adjustment: score/adjusted.hpp.
template <attend::Scalar S>
class AnyAdjustment {
 public:
  std::optional<SoftCap<S>> cap;
  std::optional<RelativePositions<S>> relative;
  std::optional<LinearBias<S>> bias;

  AnyAdjustment() = default;
  /// For inner products of d_e features that are multiplied by `scale`, in so many heads.
  AnyAdjustment(const AdjustmentConfig& config, Index d_e, Index heads, S scale, Random& random) {
    check_argument(config.soft_cap >= 0 && config.relative_clip >= 0,
                   "AnyAdjustment: soft_cap and relative_clip are ", config.soft_cap, " and ",
                   config.relative_clip, ", expected 0 or more");
    if (config.soft_cap > 0) cap.emplace(SoftCap<S>{static_cast<S>(config.soft_cap)});
    if (config.relative_clip > 0) relative.emplace(d_e, config.relative_clip, scale, random);
    if (config.linear_bias) bias.emplace(heads);
  }

  static void parameters(auto&& f, auto&... m) { f("relative", m.relative...); }

  [[nodiscard]] bool adjusts_energies() const { return cap || relative || bias; }

  void adjust(const EnergyTile<S>& tile) const {
    if (cap) cap->adjust(tile);
    if (relative) relative->adjust(tile);
    if (bias) bias->adjust(tile);
  }

  /// The last first; each but the last reads the energies that it made.
  void adjust_backward(const EnergyTile<S>& tile, const EnergyTile<S>& d_tile, TileGradient<S> d,
                       AnyAdjustment& gradient) const {
    if (bias && cap) bias->undo(tile);
    if (relative) {
      relative->adjust_backward(tile, d_tile, d, *gradient.relative);
      if (cap) relative->undo(tile);
    }
    if (cap) cap->adjust_backward(tile, d_tile, d, *gradient.cap);
  }
};

}  // namespace attend
