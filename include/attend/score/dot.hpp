/// The inner product of query and key, plain or scaled.
#pragma once

#include <cmath>

#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = s h'q. Without weights: queries and keys have the same size. s = 1 is Luong, Pham, Manning
/// 2015 (arXiv 1508.04025, eq. 8, dot).
template <attend::Scalar S>
class Dot {
 public:
  using Scalar = S;

  Dot() = default;
  explicit Dot(S scale) : scale_(scale) {}

  static void parameters(auto&&, auto&...) {}

  [[nodiscard]] S scale() const { return scale_; }
  [[nodiscard]] std::optional<S> inner_product_scale() const { return scale_; }
  [[nodiscard]] Index projected_size(Index d) const { return d; }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    dots<S>(K, A, E);
    if (scale_ != S{1}) E *= scale_;
  }

  /// e_tu = s k_t'a_u:  dK += s A dE',  dA += s K dE.
  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         Dot& /*gradient*/) const {
    if (scale_ != S{1}) dE *= scale_;
    multiply_transposed_add(A, dE, dK);
    multiply_add(K, dE, dA);
  }

 private:
  S scale_ = 1;
};

/// e = h'q / sqrt(d_k): Vaswani et al. 2017 (arXiv 1706.03762, eq. 1).
template <attend::Scalar S>
[[nodiscard]] Dot<S> scaled_dot(Index d_k) {
  check_argument(d_k > 0, "scaled_dot: d_k is ", d_k, ", expected 1 or more");
  return Dot<S>(S{1} / std::sqrt(static_cast<S>(d_k)));
}

}  // namespace attend
