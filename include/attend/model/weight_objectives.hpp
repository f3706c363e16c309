/// What a training asks of attention weights beside the words: coverage, and rewards.
#pragma once

#include <vector>

#include <attend/decoder/decoder_attention.hpp>
#include <attend/loss/coverage.hpp>

namespace attend::inline ATTEND_ABI {

/// factor sum_b coverage_loss of the weights of each sentence of an unrolled batch (See, Liu,
/// Manning 2017, arXiv 1704.04368, eq. 12-13); with `scale` not 0, adds scale times its gradient to
/// trace.d_weights (longest x N).
template <Scalar S>
[[nodiscard]] double coverage_objective(const Ragged& layout, const Memory<S>& memory,
                                        std::type_identity_t<S> factor,
                                        std::type_identity_t<S> scale,
                                        DecoderAttentionTrace<S>& trace) {
  double nats = 0;
  for (Index b = 0; b < layout.size(); ++b) {
    const Index T = memory.length(b);
    const Index U = layout.length(b);
    View<S> weights = trace.sentence_weights.resize(T, U);
    for (Index u = 0; u < U; ++u) {
      weights.col(u) = trace.history.weights.view().col(layout.column(b, u)).head(T);
    }
    nats += static_cast<double>(factor * coverage_loss<S>(weights));
    if (scale == S{0}) continue;
    View<S> d = trace.d_sentence_weights.zero(T, U);
    coverage_loss_backward<S>(weights, factor * scale, d);
    for (Index u = 0; u < U; ++u) {
      trace.d_weights.view().col(layout.column(b, u)).head(T) += d.col(u);
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
/// where Xu et al. 2015 (arXiv 1502.03044, eq. 11) reward each with the whole sentence's. `losses`
/// (N) are -log p of an unrolled batch's columns, b the baseline per word. Overwrites
/// trace.advantages with scale times A. Returns the gradient of sum_t (b - log p(y_t))^2 / 2 with
/// respect to b: plain descent along it makes b the paper's moving average (eq. 12, decay 1 -
/// rate).
template <Scalar S>
[[nodiscard]] S reward_objective(const Ragged& layout, const std::vector<S>& losses,
                                 std::type_identity_t<S> baseline, std::type_identity_t<S> scale,
                                 DecoderAttentionTrace<S>& trace) {
  trace.advantages.resize(losses.size());
  S d_baseline = 0;
  for (Index b = 0; b < layout.size(); ++b) {
    S sum = 0;
    for (Index t = layout.length(b) - 1; t >= 0; --t) {
      const auto column = static_cast<std::size_t>(layout.column(b, t));
      const S better = -losses[column] - baseline;
      d_baseline -= better;
      sum += better;
      trace.advantages[column] = scale * sum;
    }
  }
  return d_baseline;
}

}  // namespace attend
