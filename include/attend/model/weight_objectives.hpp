/// What a training asks of attention weights beside the words: coverage, and rewards.
#pragma once

#include <numeric>
#include <vector>

#include <attend/decoder/decoder_attention.hpp>
#include <attend/loss/coverage.hpp>

namespace attend::inline ATTEND_ABI {

/// What each loss on weights counts in a model's (loss/coverage.hpp); 0 is without.
struct WeightLossFactors {
  double coverage = 0;
  double doubly_stochastic = 0;

  [[nodiscard]] bool any() const { return coverage != 0 || doubly_stochastic != 0; }
};

/// sum_b of the losses, times their factors, of the weights of each sentence of an unrolled batch:
/// coverage (See, Liu, Manning 2017, arXiv 1704.04368, eq. 12-13), doubly stochastic penalty (Xu et
/// al. 2015, arXiv 1502.03044, eq. 14). With `scale` not 0, adds scale times the gradient to
/// trace.d_weights (longest x N).
template <Scalar S>
[[nodiscard]] double weight_losses(const Ragged& layout, const Memory<S>& memory,
                                   const WeightLossFactors& factors, std::type_identity_t<S> scale,
                                   DecoderAttentionTrace<S>& trace) {
  const auto coverage = static_cast<S>(factors.coverage);
  const auto doubly_stochastic = static_cast<S>(factors.doubly_stochastic);
  double nats = 0;
  for (Index b = 0; b < layout.size(); ++b) {
    const Index T = memory.length(b);
    const Index U = layout.length(b);
    View<S> weights = trace.sentence_weights.resize(T, U);
    for (Index u = 0; u < U; ++u) {
      weights.col(u) = trace.history.weights.view().col(layout.column(b, u)).topRows(T);
    }
    if (coverage != 0) nats += static_cast<double>(coverage * coverage_loss<S>(weights));
    if (doubly_stochastic != 0) {
      nats += static_cast<double>(doubly_stochastic * doubly_stochastic_penalty<S>(weights));
    }
    if (scale == S{0}) continue;
    View<S> d = trace.d_sentence_weights.zero(T, U);
    if (coverage != 0) coverage_loss_backward<S>(weights, coverage * scale, d);
    if (doubly_stochastic != 0) {
      doubly_stochastic_penalty_backward<S>(weights, doubly_stochastic * scale, d);
    }
    for (Index u = 0; u < U; ++u) {
      trace.d_weights.view().col(layout.column(b, u)).topRows(T) += d.col(u);
    }
  }
  return nats;
}

/// The advantages of the choices of attention at each step, for alignment functions that learn from
/// rewards (Sampled): a choice is rewarded with the log-likelihood of the words from its own on, in
/// which alone it had a part,
///
///     A_t = sum_{s >= t} (log p(y_s) - b)
///
/// where Xu et al. 2015 (arXiv 1502.03044, eq. 11) reward each with the whole sentence's. The
/// baseline b is the mean over the words of the batch's other sentences (0 where there are none):
/// it keeps the estimate unbiased, and unlike the paper's moving average (eq. 12) it has no past
/// that a training which is resumed would have to remember. `losses` (N) are -log p of an unrolled
/// batch's columns. Overwrites trace.advantages with scale times A.
template <Scalar S>
void reward_objective(const Ragged& layout, const std::vector<S>& losses,
                      std::type_identity_t<S> scale, DecoderAttentionTrace<S>& trace) {
  const S all = std::accumulate(losses.begin(), losses.end(), S{0});
  trace.advantages.resize(losses.size());
  for (Index b = 0; b < layout.size(); ++b) {
    const auto loss = [&](Index t) {
      return losses[static_cast<std::size_t>(layout.column(b, t))];
    };
    S own = 0;
    for (Index t = 0; t < layout.length(b); ++t) own += loss(t);
    const Index others = layout.columns() - layout.length(b);
    const S expected = others > 0 ? (all - own) / static_cast<S>(others) : S{0};
    S better = 0;
    for (Index t = layout.length(b) - 1; t >= 0; --t) {
      better += expected - loss(t);
      trace.advantages[static_cast<std::size_t>(layout.column(b, t))] = scale * better;
    }
  }
}

}  // namespace attend
