/// Predictive local attention (local-p): a query says where it looks.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/attention/window.hpp>
#include <attend/core/initialize.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// Luong, Pham, Manning 2015 (arXiv 1508.04025, eq. 9-10): the query sets a centre p, the softmax
/// is over the keys within D of it and falls off with the distance, not normalised again:
///
///     p = T sigma(v_p' tanh(W_p q))     a_j = softmax(e)_j exp(-(j - p)^2 / (2 sigma^2)), sigma =
///     D/2
///
/// W_p (d_p x d_q), v_p (d_p). Gradients reach W_p and v_p through the Gaussian alone. Only
/// energies within reach are computed: O(D) a step, whatever T.
template <attend::Scalar S>
class LocalPredictive {
 public:
  using Scalar = S;

  PanelMatrix<S> W_p;
  Vector<S> v_p;

  LocalPredictive() = default;
  /// Throws std::invalid_argument unless reach, D, is 1 or more; the paper's is 10.
  LocalPredictive(Index d_q, Index d_p, double reach, Random& random)
      : W_p(d_p, d_q), v_p(d_p), reach_(static_cast<S>(reach)) {
    check_argument(reach >= 1, "LocalPredictive: the reach is ", reach, ", expected 1 or more");
    initialize_glorot(W_p, random);
    initialize_glorot(v_p, random);
  }

  static void parameters(auto&& f, auto&... m) {
    f("W_p", m.W_p...);
    f("v_p", m.v_p...);
  }

  /// A query's controls are W_p q.
  [[nodiscard]] Index control_size() const { return v_p.size(); }
  void controls(ConstView<S> Q, View<S> P) const { multiply(W_p, Q, P); }

  /// P = W_p q:  dQ += W_p' dP, dW_p += dP Q'.
  void controls_backward(const LocalPredictive& transposed, ConstView<S> Q, ConstView<S> dP,
                         View<S> dQ, LocalPredictive& gradient) const {
    multiply_add(transposed.W_p, dP, dQ);
    add_outer<S>(dP, Q, gradient.W_p);
  }

  /// p, in keys from the memory's first on.
  [[nodiscard]] S centre(std::span<const S> controls, Index T) const {
    auto sum = packet::fill<S>(0);
    packet::for_each_lane<S>(v_p.size(), [&](auto lane) {
      const auto x = packet::tanh(lane.load(controls.data()));
      sum = packet::multiply_add(lane.load(v_p.data()), x, sum);
    });
    return static_cast<S>(T) / (S{1} + std::exp(-packet::sum(sum)));
  }

  [[nodiscard]] KeyRange reach(std::span<const S> controls, Index T) const {
    const S p = centre(controls, T);
    return {std::max<Index>(static_cast<Index>(std::ceil(p - reach_)), 0),
            std::min(static_cast<Index>(std::floor(p + reach_)) + 1, T)};
  }

  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    const S p = centre(step.controls, step.keys);
    softmax(std::ssize(e), e.data());
    for (std::size_t j = 0; j < e.size(); ++j) e[j] *= fall(distance(step, j, p));
  }

  /// With softmax weights b and G = a / b:  dp = sum_j da_j a_j (j - p) / sigma^2,
  /// de_j = b_j (G_j da_j - sum_k a_k da_k);  p = T s, s = sigma(v_p'x), x = tanh(controls):
  /// dx = dp T s (1 - s) v_p,  dv_p += dp T s (1 - s) x.
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, LocalPredictive& gradient) const {
    const S p = centre(step.controls, step.keys);
    S dp = 0;
    for (std::size_t j = 0; j < d.size(); ++j) {
      const S away = distance(step, j, p);
      dp += d[j] * weights[j] * away / (sigma() * sigma());
      d[j] *= fall(away);
    }
    softmax_backward_of_energies(std::ssize(d), e.data(), d.data());
    const S d_logit = dp * p * (S{1} - p / static_cast<S>(step.keys));
    for (std::size_t i = 0; i < step.controls.size(); ++i) {
      const auto k = static_cast<Index>(i);
      const S x = std::tanh(step.controls[i]);
      gradient.v_p(k) += d_logit * x;
      if (!step.d_controls.empty()) step.d_controls[i] += d_logit * v_p(k) * (S{1} - x * x);
    }
  }

 private:
  [[nodiscard]] S sigma() const { return reach_ / 2; }
  static S distance(const AlignmentStep<S>& step, std::size_t j, S p) {
    return static_cast<S>(step.first_key + static_cast<Index>(j)) - p;
  }
  [[nodiscard]] S fall(S away) const { return std::exp(-away * away / (2 * sigma() * sigma())); }

  S reach_ = 10;
};

}  // namespace attend
