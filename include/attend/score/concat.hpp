/// Luong's concat score: the additive score with one matrix over query and key.
#pragma once

#include <attend/core/initialize.hpp>
#include <attend/kernel/additive_energy.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = v' tanh(W_q q + W_h h) with [W_q W_h] = W_a. Luong, Pham, Manning 2015 (arXiv 1508.04025,
/// eq. 8, concat). The halves of W_a are kept apart, because each meets its half at a different
/// time. W_q (d_e x d_q), W_h (d_e x d_h), v (d_e).
template <attend::Scalar S>
class Concat {
 public:
  using Scalar = S;

  PanelMatrix<S> W_q;
  PanelMatrix<S> W_h;
  Vector<S> v;

  Concat() = default;
  Concat(ScoreConfig config, Random& random)
      : W_q(config.energy, config.query), W_h(config.energy, config.key), v(config.energy) {
    const double fans = static_cast<double>(config.energy + config.query + config.key);
    initialize_uniform(W_q, std::sqrt(6.0 / fans), random);
    initialize_uniform(W_h, std::sqrt(6.0 / fans), random);
    initialize_glorot(v, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W_q", m.W_q...);
    f("W_h", m.W_h...);
    f("v", m.v...);
  }

  [[nodiscard]] Index projected_size(Index) const { return v.size(); }

  void project_keys(ConstView<S> H, View<S> K) const {
    multiply(W_h, H, K);
    double_powers<S>(K);
  }

  /// W_h h:  dH += W_h' dK,  dW_h += dK H'.
  void project_keys_backward(const Concat& transposed, ConstView<S> H, ConstView<S> /*K*/,
                             View<S> dK, View<S> dH, Concat& gradient) const {
    multiply_add(transposed.W_h, dK, dH);
    add_outer<S>(dK, H, gradient.W_h);
  }

  void project_queries(ConstView<S> Q, View<S> A) const {
    multiply(W_q, Q, A);
    double_powers<S>(A);
  }

  /// W_q q:  dQ += W_q' dA,  dW_q += dA Q'.
  void project_queries_backward(const Concat& transposed, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Concat& gradient) const {
    multiply_add(transposed.W_q, dA, dQ);
    add_outer<S>(dA, Q, gradient.W_q);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    additive_energies<S>(K, A, v, E);
  }

  void energies_backward(ConstView<S> K, ConstView<S> A, ConstView<S> dE, View<S> dK, View<S> dA,
                         Concat& gradient) const {
    additive_energies_backward<S>(K, A, v, dE, dK, dA, gradient.v);
  }
};

}  // namespace attend
