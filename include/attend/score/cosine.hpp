/// Content addressing: the cosine of query and key, with a strength that the query chooses.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <attend/kernel/dots.hpp>
#include <attend/score/dot.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// e = beta(q) h'q / (|h| |q|), beta(q) = log(1 + e^(w'q + b)) > 0: Graves, Wayne, Danihelka 2014
/// (arXiv 1410.5401, eq. 5-6), where the softmax over e is the content weighting. Queries and keys
/// have the same size d; w (d), b (1). Both sides are normalised once, so the hot loop is a dot
/// product. The cosine with a zero vector is 0.
template <attend::Scalar S>
class Cosine {
 public:
  using Scalar = S;

  Vector<S> w;
  Vector<S> b;

  Cosine() = default;
  /// Every query begins with the same `strength`. Throws std::invalid_argument unless it is > 0.
  explicit Cosine(Index d, double strength = 4)
      : w(Vector<S>::Zero(d)), b(Vector<S>::Constant(1, inverse_softplus(strength))) {}

  static void parameters(auto&& f, auto&... m) {
    f("w", m.w...);
    f("b", m.b...);
  }

  [[nodiscard]] Index projected_size(Index d) const { return d; }

  /// k = h / |h|.
  void project_keys(ConstView<S> H, View<S> K) const {
    for (Index t = 0; t < H.cols(); ++t) K.col(t) = H.col(t) / length(H, t);
  }

  /// dh += (dk - k k'dk) / |h|.
  void project_keys_backward(const Cosine& /*transposed*/, ConstView<S> H, ConstView<S> K,
                             View<S> dK, View<S> dH, Cosine& /*gradient*/) const {
    for (Index t = 0; t < H.cols(); ++t) {
      const S along = K.col(t).dot(dK.col(t));
      dH.col(t) += (dK.col(t) - along * K.col(t)) / length(H, t);
    }
  }

  /// a = beta(q) q / |q|.
  void project_queries(ConstView<S> Q, View<S> A) const {
    check_size("Cosine::project_queries", "size of a query", Q.rows(), w.size());
    for (Index u = 0; u < Q.cols(); ++u) A.col(u) = (strength(Q, u) / length(Q, u)) * Q.col(u);
  }

  /// dq += beta (da - n n'da) / |q| + dbeta sigma(w'q + b) w with n = q / |q|, dbeta = n'da.
  void project_queries_backward(const Cosine& /*transposed*/, ConstView<S> Q, ConstView<S> dA,
                                View<S> dQ, Cosine& gradient) const {
    for (Index u = 0; u < Q.cols(); ++u) {
      const S inverse = S{1} / length(Q, u);
      const S d_strength = inverse * Q.col(u).dot(dA.col(u));
      const S dx = d_strength / (S{1} + std::exp(-logit(Q, u)));
      dQ.col(u) += (strength(Q, u) * inverse) * (dA.col(u) - (d_strength * inverse) * Q.col(u));
      dQ.col(u) += dx * w;
      gradient.w += dx * Q.col(u);
      gradient.b(0) += dx;
    }
  }

  [[nodiscard]] std::optional<S> inner_product_scale() const { return S{1}; }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const { dots<S>(K, A, E); }

  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         Cosine& /*gradient*/) const {
    Dot<S> none;
    none.energies_backward(K, A, dE, dK, dA, none);
  }

 private:
  static S inverse_softplus(double strength) {
    check_argument(strength > 0, "Cosine: the strength is ", strength, ", expected more than 0");
    return static_cast<S>(std::log(std::expm1(strength)));
  }

  /// |x|, but never 0.
  static S length(ConstView<S> X, Index j) {
    const S* x = X.col(j).data();
    return std::max(std::sqrt(inner_product<S>(X.rows(), x, x)), std::numeric_limits<S>::min());
  }

  /// w'q + b, and its softplus.
  [[nodiscard]] S logit(ConstView<S> Q, Index u) const {
    return inner_product<S>(Q.rows(), w.data(), Q.col(u).data()) + b(0);
  }
  [[nodiscard]] S strength(ConstView<S> Q, Index u) const {
    const S x = logit(Q, u);
    return std::max(x, S{0}) + std::log1p(std::exp(-std::abs(x)));
  }
};

}  // namespace attend
