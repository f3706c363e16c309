/// A multiplicative score with one learned factor.
#pragma once

#include <optional>
#include <utility>

#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = g z(q, h), with one learned factor g, for a score z that is linear in the query and takes it
/// as it is: Dot and General ("scaled Luong" of the neural translation toolkits). Linear, so the
/// factor goes to the query, once a step, and the hot loop stays that of z. g (1).
template <Score Z>
requires(!ProjectsQueries<Z>) class Scaled {
 public:
  using Scalar = typename Z::Scalar;
  using S = Scalar;

  Z score;
  Vector<S> g;

  Scaled() = default;
  explicit Scaled(Z z, S factor = 1) : score(std::move(z)), g(Vector<S>::Constant(1, factor)) {}

  static void parameters(auto&& f, auto&... m) {
    f("score", m.score...);
    f("g", m.g...);
  }

  [[nodiscard]] Index projected_size(Index d) const { return score.projected_size(d); }

  void project_keys(ConstView<S> H, View<S> K) const requires ProjectsKeys<Z> {
    score.project_keys(H, K);
  }
  void project_keys_backward(const Scaled& transposed, ConstView<S> H, ConstView<S> K, View<S> dK,
                             View<S> dH, Scaled& gradient) const requires ProjectsKeys<Z> {
    score.project_keys_backward(transposed.score, H, K, dK, dH, gradient.score);
  }

  void project_queries(ConstView<S> Q, View<S> A) const { A = g(0) * Q; }

  /// a = g q:  dq += g da,  dg += q'da.
  void project_queries_backward(const Scaled& /*transposed*/, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Scaled& gradient) const {
    dQ += g(0) * dA;
    gradient.g(0) += Q.cwiseProduct(dA).sum();
  }

  [[nodiscard]] std::optional<S> inner_product_scale() const {
    return attend::inner_product_scale(score);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const { score.energies(K, A, E); }

  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         Scaled& gradient) const {
    score.energies_backward(K, A, dE, dK, dA, gradient.score);
  }
};

}  // namespace attend
