/// Luong's general score: a bilinear form.
#pragma once

#include <attend/core/initialize.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = q' W_a h. Luong, Pham, Manning 2015 (arXiv 1508.04025, eq. 8, general). W_a (d_q x d_h) is
/// applied to the keys, once per source; d_e = d_q.
template <attend::Scalar S>
class General {
 public:
  using Scalar = S;

  PanelMatrix<S> W_a;

  General() = default;
  General(ScoreConfig config, Random& random) : W_a(config.query, config.key) {
    initialize_glorot(W_a, random);
  }

  static void parameters(auto&& f, auto&... m) { f("W_a", m.W_a...); }

  [[nodiscard]] Index projected_size(Index) const { return W_a.rows(); }
  [[nodiscard]] std::optional<S> inner_product_scale() const { return S{1}; }

  void project_keys(ConstView<S> H, View<S> K) const { multiply(W_a, H, K); }

  /// K = W_a H:  dH += W_a' dK,  dW_a += dK H'.
  void project_keys_backward(const General& transposed, ConstView<S> H, ConstView<S> /*K*/,
                             View<S> dK, View<S> dH, General& gradient) const {
    multiply_add(transposed.W_a, dK, dH);
    add_outer<S>(dK, H, gradient.W_a);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const { dots<S>(K, A, E); }

  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         General& /*gradient*/) const {
    multiply_transposed_add(A, dE, dK);
    multiply_add(K, dE, dA);
  }
};

}  // namespace attend
