/// A score and an adjustment of its energies.
#pragma once

#include <optional>
#include <utility>

#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// Changes energies where they stand, knowing their positions: a soft cap, a bias that falls with
/// the distance, relative positions.
///
/// - `adjust(tile)`: in place.
/// - `adjust_backward(tile, d_tile, TileGradient, gradient)`: `tile` holds the energies after
///   `adjust`; d_tile, the gradient of those, becomes that of the energies before.
/// - `undo(tile)`, only needed around another adjustment: the energies before.
template <class F, class S>
concept Adjustment = Parameterized<F> && std::copyable<F> &&
    requires(const F& f, F& gradient, const EnergyTile<S>& tile, TileGradient<S> d) {
  f.adjust(tile);
  f.adjust_backward(tile, tile, d, gradient);
};

/// e = adjust(z(q, h)). Adjustments nest: `Adjusted(Adjusted(Dot<float>(), SoftCap{30}), bias)`
/// caps first.
template <Score Z, Adjustment<typename Z::Scalar> F>
class Adjusted {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;

  Z score;
  F adjustment;

  Adjusted() = default;
  Adjusted(Z z, F f) : score(std::move(z)), adjustment(std::move(f)) {}

  static void parameters(auto&& f, auto&... m) {
    f("score", m.score...);
    f("adjustment", m.adjustment...);
  }

  [[nodiscard]] Index projected_size(Index d) const { return score.projected_size(d); }
  [[nodiscard]] bool projects_keys() const { return attend::projects_keys(score); }
  [[nodiscard]] bool projects_queries() const { return attend::projects_queries(score); }
  [[nodiscard]] std::optional<S> inner_product_scale() const {
    return attend::inner_product_scale(score);
  }

  void project_keys(ConstView<S> H, View<S> K) const requires ProjectsKeys<Z> {
    score.project_keys(H, K);
  }
  void project_keys_backward(const Adjusted& transposed, ConstView<S> H, ConstView<S> K, View<S> dK,
                             View<S> dH, Adjusted& gradient) const requires ProjectsKeys<Z> {
    score.project_keys_backward(transposed.score, H, K, dK, dH, gradient.score);
  }
  void project_queries(ConstView<S> Q, View<S> A) const requires ProjectsQueries<Z> {
    score.project_queries(Q, A);
  }
  void project_queries_backward(const Adjusted& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Adjusted& gradient) const requires ProjectsQueries<Z> {
    score.project_queries_backward(transposed.score, Q, dA, dQ, gradient.score);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const { score.energies(K, A, E); }
  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         Adjusted& gradient) const {
    score.energies_backward(K, A, dE, dK, dA, gradient.score);
  }

  /// An adjustment that is chosen at run time says itself whether it is one.
  [[nodiscard]] bool adjusts_energies() const {
    bool adjusts = true;
    if constexpr (requires { adjustment.adjusts_energies(); }) {
      adjusts = adjustment.adjusts_energies();
    }
    return adjusts || attend::adjusts_energies(score);
  }

  void adjust(const EnergyTile<S>& tile) const {
    if constexpr (AdjustsEnergies<Z>) score.adjust(tile);
    adjustment.adjust(tile);
  }
  void adjust_backward(const EnergyTile<S>& tile, const EnergyTile<S>& d_tile, TileGradient<S> d,
                       Adjusted& gradient) const {
    adjustment.adjust_backward(tile, d_tile, d, gradient.adjustment);
    if constexpr (AdjustsEnergies<Z>) {
      adjustment.undo(tile);
      score.adjust_backward(tile, d_tile, d, gradient.score);
    }
  }
};

}  // namespace attend
