/// Bahdanau's additive score: a small network.
#pragma once

#include <optional>

#include <attend/core/initialize.hpp>
#include <attend/kernel/additive_energy.hpp>
#include <attend/kernel/bias.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = v' tanh(W q + U h + b). Bahdanau, Cho, Bengio 2015 (arXiv 1409.0473, appendix A.1.2), with a
/// bias unless `b` is empty. W (d_e x d_q), U (d_e x d_h), b (d_e), v (d_e). Projected keys are
/// kept as e^(2(U h + b)), projected queries as e^(2 W q): see kernel/additive_energy.hpp.
template <attend::Scalar S>
class Additive {
 public:
  using Scalar = S;

  PanelMatrix<S> W;
  PanelMatrix<S> U;
  std::optional<Vector<S>> b;
  Vector<S> v;

  Additive() = default;
  Additive(ScoreConfig config, Random& random)
      : W(config.energy, config.query), U(config.energy, config.key), v(config.energy) {
    if (config.bias) b = Vector<S>::Zero(config.energy);
    initialize_glorot(W, random);
    initialize_glorot(U, random);
    initialize_glorot(v, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U", m.U...);
    f("b", m.b...);
    f("v", m.v...);
  }

  [[nodiscard]] Index projected_size(Index) const { return v.size(); }

  void project_keys(ConstView<S> H, View<S> K) const {
    if (b) {
      multiply(U, H, *b, K);
    } else {
      multiply(U, H, K);
    }
    double_powers<S>(K);
  }

  /// a = U h + b:  dH += U' dK,  dU += dK H',  db += sum of the columns of dK; dK is that of a.
  void project_keys_backward(const Additive& transposed, ConstView<S> H, ConstView<S> /*K*/,
                             View<S> dK, View<S> dH, Additive& gradient) const {
    multiply_add(transposed.U, dK, dH);
    add_outer<S>(dK, H, gradient.U);
    if (b) add_columns(dK, *gradient.b);
  }

  void project_queries(ConstView<S> Q, View<S> A) const {
    multiply(W, Q, A);
    double_powers<S>(A);
  }

  /// W q:  dQ += W' dA,  dW += dA Q'.
  void project_queries_backward(const Additive& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Additive& gradient) const {
    multiply_add(transposed.W, dA, dQ);
    add_outer<S>(dA, Q, gradient.W);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    additive_energies<S>(K, A, v, E);
  }

  void energies_beside_sum(ConstView<S> K, ConstView<S> a, View<S> e,
                           const WeightedSum<S>& sum) const {
    additive_energies_beside_sum<S>(K, a.data(), v, e.data(), sum);
  }

  void energies_backward(ConstView<S> K, ConstView<S> A, ConstView<S> dE, View<S> dK, View<S> dA,
                         Additive& gradient) const {
    additive_energies_backward<S>(K, A, v, dE, dK, dA, gradient.v);
  }
};

}  // namespace attend
