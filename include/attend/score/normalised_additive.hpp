/// The additive score with a normalised last layer.
#pragma once

#include <algorithm>
#include <cmath>

#include <attend/kernel/dots.hpp>
#include <attend/score/additive.hpp>

namespace attend::inline ATTEND_ABI {

/// e = g (v/|v|)' tanh(W q + U h + b) + r: the weight normalisation of Salimans and Kingma 2016
/// (arXiv 1602.07868), with the offset of Raffel et al. 2017 (arXiv 1704.00784, eq. 16), which a
/// softmax does not see and a monotonic attention needs. W, U, b, v as Additive has them; g (1), r
/// (1).
template <attend::Scalar S>
class NormalisedAdditive : public Additive<S> {
 public:
  Vector<S> g;
  Vector<S> r;

  NormalisedAdditive() = default;
  /// g = 1 / sqrt(d_e). Raffel et al. begin with r = -4 or so, that a monotonic attention moves on.
  NormalisedAdditive(ScoreConfig config, Random& random, double offset = 0)
      : Additive<S>(config, random),
        g(Vector<S>::Constant(1, S{1} / std::sqrt(static_cast<S>(config.energy)))),
        r(Vector<S>::Constant(1, static_cast<S>(offset))) {}

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U", m.U...);
    f("b", m.b...);
    f("v", m.v...);
    f("g", m.g...);
    f("r", m.r...);
  }

  void energies(ConstView<S> K, ConstView<S> A, View<S> E) const {
    additive_energies<S>(K, A, this->v, E);
    normalise(E);
  }
  void energies_beside_sum(ConstView<S> K, ConstView<S> a, View<S> e,
                           const WeightedSum<S>& sum) const {
    Additive<S>::energies_beside_sum(K, a, e, sum);
    normalise(e);
  }

  /// e = s x + r with s = g/|v|, x = v' tanh(.):  dr += de, ds = de x, dx = s de,
  /// dg += ds/|v|, dv -= ds g v/|v|^3, and what the additive energies make of dx.
  void energies_backward(ConstView<S> K, ConstView<S> A, View<S> dE, View<S> dK, View<S> dA,
                         NormalisedAdditive& gradient) const {
    const S length = this->v.norm();
    const S d_scale = product_with_energies(K, A, dE);
    gradient.r(0) += dE.sum();
    gradient.g(0) += d_scale / length;
    gradient.v -= (d_scale * g(0) / (length * length * length)) * this->v;
    dE *= g(0) / length;
    additive_energies_backward<S>(K, A, this->v, dE, dK, dA, gradient.v);
  }

 private:
  void normalise(View<S> E) const { E.array() = E.array() * (g(0) / this->v.norm()) + r(0); }

  /// The sum of de x; x lives on the stack, a few keys at a time.
  [[nodiscard]] S product_with_energies(ConstView<S> K, ConstView<S> A, ConstView<S> dE) const {
    constexpr Index chunk = 64;
    alignas(64) S x[chunk];
    S sum = 0;
    for (Index u = 0; u < dE.cols(); ++u) {
      for (Index t = 0; t < dE.rows(); t += chunk) {
        const Index n = std::min(chunk, dE.rows() - t);
        additive_energies<S>(K.middleCols(t, n), A.col(u), this->v, View<S>(&x[0], n, 1, n));
        sum += inner_product<S>(n, &x[0], dE.col(u).data() + t);
      }
    }
    return sum;
  }
};

}  // namespace attend
