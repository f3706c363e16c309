/// Losses where attention is the output: a pointer, and a pointer mixed with a generator.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// -log a_target, in nats: a pointer network (Vinyals, Fortunato, Jaitly 2015, arXiv 1506.03134,
/// eq. 3), whose output distribution is the attention itself. `weights` (T) of one step.
template <Scalar S>
[[nodiscard]] S pointer_loss(std::span<const S> weights, Index target) {
  check_argument(target >= 0 && target < std::ssize(weights), "pointer_loss: target ", target,
                 " is outside the source of ", weights.size(), " positions");
  return -std::log(
      std::max(weights[static_cast<std::size_t>(target)], std::numeric_limits<S>::min()));
}

/// da_target -= scale / a_target.
template <Scalar S>
void pointer_loss_backward(std::span<const S> weights, Index target, std::type_identity_t<S> scale,
                           std::span<std::type_identity_t<S>> d) {
  const auto at = static_cast<std::size_t>(target);
  d[at] -= scale / std::max(weights[at], std::numeric_limits<S>::min());
}

/// One step of a pointer-generator (See, Liu, Manning 2017, arXiv 1704.04368, eq. 9): with
/// probability p_gen the word comes from the vocabulary's softmax, else it is copied from the
/// source,
///
///     P(w) = p_gen softmax(l)_w + (1 - p_gen) sum_{i: source_i = w} a_i
///
/// l (V logits), a (T weights), `source` the T source words of the *extended* vocabulary: words
/// that the target's vocabulary does not have are V, V + 1, ... (text/extended_vocabulary.hpp).
template <Scalar S>
struct PointerGeneratorStep {
  std::span<S> logits;
  std::span<const S> weights;
  std::span<const Token> source;
  S generate = 0;

  /// P (V + words of the source outside the vocabulary); `logits` become their softmax.
  void distribution(std::span<S> P) const {
    softmax(std::ssize(logits), logits.data());
    std::ranges::fill(P, S{0});
    for (std::size_t w = 0; w < logits.size(); ++w) P[w] = generate * logits[w];
    for (std::size_t i = 0; i < source.size(); ++i) {
      P[static_cast<std::size_t>(source[i])] += (S{1} - generate) * weights[i];
    }
  }

  /// -log P(target), in nats. Throws std::invalid_argument for a negative target.
  [[nodiscard]] S loss(Token target) const {
    const S normaliser = log_sum_exp(std::ssize(logits), logits.data());
    return -std::log(likelihood(target, normaliser).mixed);
  }

  /// With g = -scale / P(y), P_v = softmax(l)_v, in place of l:  dl_v = g p_gen P_y (1[v = y] -
  /// P_v); da_i += g (1 - p_gen) 1[source_i = y]. Returns the gradient of p_gen, g (P_y - copied).
  S loss_backward(Token target, S scale, std::span<S> d_weights) const {
    const S normaliser = log_sum_exp(std::ssize(logits), logits.data());
    const Likelihood p = likelihood(target, normaliser);
    const S g = -scale / p.mixed;
    const S common = g * generate * p.generated;
    for (S& l : logits) l = -common * std::exp(l - normaliser);
    if (target < std::ssize(logits)) logits[static_cast<std::size_t>(target)] += common;
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == target) d_weights[i] += g * (S{1} - generate);
    }
    return g * (p.generated - p.copied);
  }

 private:
  struct Likelihood {
    S generated;
    S copied;
    S mixed;
  };

  [[nodiscard]] Likelihood likelihood(Token target, S normaliser) const {
    check_argument(target >= 0, "PointerGeneratorStep: target ", target, " is negative");
    const bool known = target < std::ssize(logits);
    const S generated =
        known ? std::exp(logits[static_cast<std::size_t>(target)] - normaliser) : S{0};
    S copied = 0;
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == target) copied += weights[i];
    }
    const S mixed = generate * generated + (S{1} - generate) * copied;
    return {generated, copied, std::max(mixed, std::numeric_limits<S>::min())};
  }
};

}  // namespace attend
