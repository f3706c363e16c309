/// The additive score that knows where it has looked: location-sensitive, and with coverage.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include <attend/kernel/dots.hpp>
#include <attend/kernel/product.hpp>
#include <attend/score/additive.hpp>
#include <attend/score/past.hpp>

namespace attend::inline ATTEND_ABI {

struct LocationSensitiveConfig {
  ScoreConfig score = {};
  /// k filters of width r over the past weights; 0 filters read them as they are.
  Index filters = 10;
  Index width = 5;
  Past past = Past::previous;
};

/// e_t = v' tanh(W q + U h_t + L f_t + b),  f = F * a, centred, zero beyond the ends. With a the
/// weights of the step before: Chorowski et al. 2015 (arXiv 1506.07503, eq. 8-9). With their sum
/// and without filters, f_t = sum_i a_it: the coverage of Tu et al. 2016 (arXiv 1601.04811, eq. 8)
/// and of See, Liu, Manning 2017 (arXiv 1704.04368, eq. 11). W, U, b, v as Additive has them; L
/// (d_e x k), F (k x r). Costs O(T k (d_e + r)) a step beside the additive score.
template <attend::Scalar S>
class LocationSensitive : public Additive<S> {
 public:
  std::optional<Matrix<S>> F;
  Matrix<S> L;

  LocationSensitive() = default;
  LocationSensitive(const LocationSensitiveConfig& config, Random& random)
      : Additive<S>(config.score, random),
        L(config.score.energy, std::max<Index>(config.filters, 1)),
        past_(config.past) {
    check_argument(config.filters == 0 || config.width >= 1,
                   "LocationSensitive: the filters' width is ", config.width,
                   ", expected 1 or more");
    if (config.filters > 0) {
      initialize_glorot(F.emplace(config.filters, config.width), random);
    }
    initialize_glorot(L, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W", m.W...);
    f("U", m.U...);
    f("b", m.b...);
    f("v", m.v...);
    f("F", m.F...);
    f("L", m.L...);
  }

  [[nodiscard]] Past past() const { return past_; }
  [[nodiscard]] Index past_reach() const { return F ? F->cols() / 2 : 0; }

  /// e^2(a + L f) = e^2a e^2(L f): the tile's keys, multiplied by what the past says of them.
  void energies_after(const PastTile<S>& tile, View<S> E, PastScratch<S>& scratch) const {
    View<S> K = scratch.keys.resize(tile.K.rows(), tile.K.cols());
    keys_after(tile, K, scratch);
    additive_energies<S>(K, tile.a, this->v, E);
  }

  /// With dx of the argument of tanh, (d_e x n):  dK += dx, dL += dx f', df = L' dx,
  /// dF(c, w) += sum_t df_ct a_{t + w - r/2}, da_{t + w - r/2} += sum_c F(c, w) df_ct.
  void energies_after_backward(const PastTile<S>& tile, View<S> dE, const PastGradient<S>& d,
                               LocationSensitive& gradient, PastScratch<S>& scratch) const {
    View<S> K = scratch.keys.resize(tile.K.rows(), tile.K.cols());
    keys_after(tile, K, scratch);
    View<S> dx = scratch.d_keys.zero(K.rows(), K.cols());
    additive_energies_backward<S>(K, tile.a, this->v, dE, dx, d.da, gradient.v);
    View<S>(d.dK) += dx;
    multiply_transposed_add(ConstView<S>(dx), scratch.features.view(), gradient.L);
    View<S> df = scratch.d_features.resize(L.cols(), K.cols());
    dots<S>(L, dx, df);
    for_each_filtered(tile, [&](Index t, Index c, Index w, Index from) {
      if (F) (*gradient.F)(c, w) += df(c, t) * at(tile.weights, from);
      if (!d.d_weights.empty()) {
        d.d_weights[static_cast<std::size_t>(from)] += (F ? (*F)(c, w) : S{1}) * df(c, t);
      }
    });
  }

 private:
  static S at(std::span<const S> weights, Index t) { return weights[static_cast<std::size_t>(t)]; }

  /// Calls `body(t, c, w, from)`: feature c of the tile's key t reads the weight of key `from`
  /// through the filter's element w.
  template <class Body>
  void for_each_filtered(const PastTile<S>& tile, Body&& body) const {
    const Index width = F ? F->cols() : 1;
    const auto T = std::ssize(tile.weights);
    for (Index t = 0; t < tile.K.cols(); ++t) {
      for (Index w = 0; w < width; ++w) {
        const Index from = tile.first + t + w - width / 2;
        if (from < 0 || from >= T) continue;
        for (Index c = 0; c < L.cols(); ++c) body(t, c, w, from);
      }
    }
  }

  /// Overwrites K (d_e x n) and the scratch's features (k x n).
  void keys_after(const PastTile<S>& tile, View<S> K, PastScratch<S>& scratch) const {
    View<S> f = scratch.features.zero(L.cols(), tile.K.cols());
    for_each_filtered(tile, [&](Index t, Index c, Index w, Index from) {
      f(c, t) += (F ? (*F)(c, w) : S{1}) * at(tile.weights, from);
    });
    K.setZero();
    multiply_add(ConstView<S>(L), f, K);
    double_powers<S>(K);
    K.array() *= tile.K.array();
  }

  Past past_ = Past::previous;
};

/// The additive score with coverage: how much weight each key has had so far, w_c c_t in the tanh.
template <attend::Scalar S>
[[nodiscard]] LocationSensitive<S> coverage_score(const ScoreConfig& config, Random& random) {
  return {{.score = config, .filters = 0, .past = Past::accumulated}, random};
}

}  // namespace attend
