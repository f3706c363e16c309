/// The Score concept: how well a key answers a query.
#pragma once

#include <concepts>
#include <optional>

#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/overlapped_tiles.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/kernel/weighted_sum.hpp>
#include <attend/score/energy_tile.hpp>

namespace attend::inline ATTEND_ABI {

/// A score is two projections and a pairwise energy; nothing else in the library knows which.
///
/// - `energies(K, A, E)`: projected keys K (d_e x n), projected queries A (d_e x U); overwrites
///   E (n x U). An element's bits depend on its own two columns alone.
/// - `energies_backward(K, A, dE, dK, dA, gradient)`: dE may be used up; adds.
/// - `projected_size(d)`: d_e, given that keys (or queries) that are not projected have d features.
///
/// Projections are optional; a score without one compares keys or queries as they are, no copy:
///
/// - `project_keys(H, K)`: H (d_h x T), overwrites K (d_e x T). Once per source.
/// - `project_keys_backward(transposed, H, K, dK, dH, gradient)`: dK may be used up; adds.
/// - `project_queries(Q, A)`: Q (d_q x U), overwrites A (d_e x U). Once per step.
/// - `project_queries_backward(transposed, Q, dA, dQ, gradient)`: adds.
///
/// A score that knows positions (a bias that falls with the distance, a soft cap) has two more:
///
/// - `adjust(tile)`: changes energies in place.
/// - `adjust_backward(tile, d_tile, TileGradient, gradient)`: `tile` holds the energies after
///   `adjust`; d_tile, the gradient of those, becomes that of the energies before.
///
/// A score whose energies are s K'A says so, and many queries then share products:
///
/// - `inner_product_scale()`: s; nothing where, decided at run time, the score is another.
///
/// A score whose energies leave time to read may use it for the sum of the tile before:
///
/// - `energies_beside_sum(K, a, e, sum)`: of one query a (d_e x 1), overwrites e (n x 1), and adds
///   the WeightedSum. The bits are those of `energies` and of `sum.add_from(0)`.
template <class Z>
concept Score = Parameterized<Z> && std::copyable<Z> &&
    requires(const Z& score, Z& gradient, ConstView<typename Z::Scalar> in,
             View<typename Z::Scalar> out) {
  score.energies(in, in, out);
  score.energies_backward(in, in, out, out, out, gradient);
  { score.projected_size(Index{}) } -> std::convertible_to<Index>;
};

template <class Z>
concept ProjectsKeys = Score<Z> &&
    requires(const Z& score, Z& gradient, ConstView<typename Z::Scalar> in,
             View<typename Z::Scalar> out) {
  score.project_keys(in, out);
  score.project_keys_backward(score, in, in, out, out, gradient);
};

template <class Z>
concept ProjectsQueries = Score<Z> &&
    requires(const Z& score, Z& gradient, ConstView<typename Z::Scalar> in,
             View<typename Z::Scalar> out) {
  score.project_queries(in, out);
  score.project_queries_backward(score, in, in, out, gradient);
};

/// Whether a score looks at positions alone, so that keys and queries may have any sizes.
template <Score Z>
[[nodiscard]] bool ignores_keys(const Z& score) {
  if constexpr (requires { score.ignores_keys(); }) return score.ignores_keys();
  return false;
}

template <class Z>
concept AdjustsEnergies = Score<Z> &&
    requires(const Z& score, Z& gradient, const EnergyTile<typename Z::Scalar>& tile,
             TileGradient<typename Z::Scalar> d) {
  score.adjust(tile);
  score.adjust_backward(tile, tile, d, gradient);
};

/// Whether energies depend on where a query stands.
template <Score Z>
[[nodiscard]] bool reads_query_position(const Z& score) {
  if constexpr (requires { score.reads_query_position(); }) return score.reads_query_position();
  return AdjustsEnergies<Z>;
}

/// Whether this score adjusts energies; one chosen at run time says it itself.
template <Score Z>
[[nodiscard]] bool adjusts_energies(const Z& score) {
  if constexpr (requires { score.adjusts_energies(); }) return score.adjusts_energies();
  return AdjustsEnergies<Z>;
}

/// s where the energies are s K'A before `adjust`; nothing for other scores.
template <Score Z>
[[nodiscard]] std::optional<typename Z::Scalar> inner_product_scale(const Z& score) {
  if constexpr (requires { score.inner_product_scale(); }) return score.inner_product_scale();
  return std::nullopt;
}

/// Whether one query's energies are made beside the weighted sum of the tile before.
template <Score Z>
[[nodiscard]] bool overlaps_sum(const Z& score) {
  if constexpr (requires { score.overlaps_sum(); }) return score.overlaps_sum();
  return inner_product_scale(score) ||
         requires(ConstView<typename Z::Scalar> in, View<typename Z::Scalar> out,
                  const WeightedSum<typename Z::Scalar>& sum) {
    score.energies_beside_sum(in, in, out, sum);
  };
}

/// The energies e (n x 1) of one query a (d_e x 1), and a weighted sum, as this score does both
/// best.
template <Score Z, attend::Scalar S = typename Z::Scalar>
EIGEN_ALWAYS_INLINE void energies_beside_sum(const Z& score, ConstView<S> K, ConstView<S> a,
                                             View<S> e, const WeightedSum<S>& sum) {
  if constexpr (requires { score.energies_beside_sum(K, a, e, sum); }) {
    score.energies_beside_sum(K, a, e, sum);
  } else if (const auto scale = inner_product_scale(score); scale && K.rows() == sum.V.rows()) {
    dots_beside_sum<S>(K, a.data(), e.data(), sum);
    if (*scale != S{1}) multiply_by(*scale, e.rows(), e.data());
  } else {
    score.energies(K, a, e);
    sum.add_from(0);
  }
}

/// Whether this score projects keys (or queries); a score chosen at run time says it itself.
template <Score Z>
[[nodiscard]] bool projects_keys(const Z& score) {
  if constexpr (requires { score.projects_keys(); }) return score.projects_keys();
  return ProjectsKeys<Z>;
}
template <Score Z>
[[nodiscard]] bool projects_queries(const Z& score) {
  if constexpr (requires { score.projects_queries(); }) return score.projects_queries();
  return ProjectsQueries<Z>;
}

/// Sizes of a score with weights of its own.
struct ScoreConfig {
  Index query = 0;
  Index key = 0;
  Index energy = 0;
  bool bias = true;
};

}  // namespace attend
