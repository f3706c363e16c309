/// Stochastic hard attention, learned by REINFORCE.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/attention/hard.hpp>
#include <attend/core/random.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// One key s is drawn from p = softmax(e) and gets all of the weight: Xu et al. 2015 (arXiv
/// 1502.03044, section 4.1). With the loss L = -log p(y) and its advantage A = log p(y) - b over a
/// baseline b (`AlignmentStep::advantage`), eq. 11:
///
///     de_j = -reinforce A (1[j = s] - p_j) - entropy dH(p)/de_j
///
/// With probability `soft` a step uses p itself, as soft attention does, and then its gradient; so
/// the paper lowers the variance. Draws from a fork of the step's generator by the query's
/// position; without a generator, as in search, takes the most probable key. O(T) a step.
struct Sampled {
  double reinforce = 1;
  double entropy = 0;
  double soft = 0.5;

  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    if (step.random == nullptr) {
      detail::choose(e, detail::first_largest<S>(e));
      return;
    }
    Random own = step.random->fork(static_cast<std::uint64_t>(step.query));
    softmax(std::ssize(e), e.data());
    if (own.uniform() < soft) return;
    detail::choose(e, draw<S>(e, own.uniform()));
  }

  template <Scalar S>
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, Sampled& /*gradient*/) const {
    const std::size_t chosen = detail::first_largest(weights);
    // Soft weights that are 1 somewhere have no gradient; nor has a choice that was certain.
    if (weights[chosen] != S{1}) {
      softmax_backward(std::ssize(d), weights.data(), d.data());
      return;
    }
    const S normaliser = log_sum_exp(std::ssize(e), e.data());
    S mean_log = 0;
    for (const S x : e) {
      const S p = std::exp(x - normaliser);
      if (p > 0) mean_log += p * (x - normaliser);
    }
    for (std::size_t j = 0; j < d.size(); ++j) {
      const S log_p = e[j] - normaliser;
      const S p = std::exp(log_p);
      d[j] = static_cast<S>(reinforce) * step.advantage * (p - S(j == chosen));
      // H = -sum p log p:  -dH/de_j = p_j (log p_j + H).
      if (p > 0) d[j] += static_cast<S>(entropy) * p * (log_p - mean_log);
    }
  }

 private:
  /// The key at which the weights so far pass `point`.
  template <Scalar S>
  static std::size_t draw(std::span<const S> weights, double point) {
    double sum = 0;
    std::size_t last = 0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      if (!(weights[j] > 0)) continue;
      last = j;
      sum += static_cast<double>(weights[j]);
      if (point < sum) return j;
    }
    return last;
  }
};

/// The baseline of REINFORCE: a moving average of rewards, b <- decay b + (1 - decay) R (Xu et al.
/// 2015, section 4.1, with decay 0.9). The first reward is the first average.
struct MovingBaseline {
  double decay = 0.9;
  double average = 0;
  bool started = false;

  /// R - b with the average before R, which is then counted in.
  double advantage(double reward) {
    if (!started) average = reward;
    started = true;
    const double better = reward - average;
    average = decay * average + (1 - decay) * reward;
    return better;
  }
};

}  // namespace attend
