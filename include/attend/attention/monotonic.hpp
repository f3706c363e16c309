/// Monotonic attention: reads on from where the step before stopped.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <attend/attention/alignment.hpp>
#include <attend/core/random.hpp>

namespace attend::inline ATTEND_ABI {

enum class MonotonicMode {
  exact,     ///< The recurrence itself, one key after the other.
  parallel,  ///< Cumulative sums and products; the same on short inputs, not on long ones.
  hard       ///< The first key from the last position on whose energy is above 0; for search.
};

/// Each key, from the one that the step before chose, is taken with probability p_j = sigma(e_j);
/// a_ij is the probability that step i takes key j: Raffel et al. 2017 (arXiv 1704.00784, eq.
/// 11-14),
///
///     q_ij = (1 - p_{i,j-1}) q_{i,j-1} + a_{i-1,j}     a_ij = p_ij q_ij     a_0 = [1, 0, ...]
///
/// Weights may sum to less than 1: the rest is the probability to have run past the end. `noise` is
/// the deviation of normal numbers that are added to energies where the step has a generator, of
/// which a fork by the query's position is drawn from, so that the way back finds the same; it
/// makes p learn to be 0 or 1, as it is in search. Without `previous` a step is the first. O(T) a
/// step.
struct Monotonic {
  MonotonicMode mode = MonotonicMode::exact;
  double noise = 0;

  static void parameters(auto&&, auto&...) {}
  [[nodiscard]] bool reads_previous() const { return true; }

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& step) const {
    if (mode == MonotonicMode::hard) {
      take_first(e, step);
      return;
    }
    for (std::size_t j = 0; j < e.size(); ++j) e[j] = probability(e[j], j, step);
    if (mode == MonotonicMode::exact) {
      scan(e, step);
    } else {
      accumulate(e, step);
    }
  }

  /// a_j = p_j q_j, q_{j+1} = (1 - p_j) q_j + a'_{j+1}; last key first, dq = 0 behind the end:
  ///     de_j = a_j (1 - p_j) (da_j - dq_{j+1}),   dq_j = p_j da_j + (1 - p_j) dq_{j+1},
  ///     da'_j += dq_j.
  /// In hard mode nothing is learned.
  template <Scalar S>
  void align_backward(std::span<const S> e, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& step, Monotonic& /*gradient*/) const {
    if (mode == MonotonicMode::hard) {
      std::ranges::fill(d, S{0});
      return;
    }
    S dq = 0;
    for (std::size_t j = d.size(); j-- > 0;) {
      const S p = probability(e[j], j, step);
      const S da = d[j];
      d[j] = weights[j] * (S{1} - p) * (da - dq);
      dq = p * da + (S{1} - p) * dq;
      if (!step.d_previous.empty()) step.d_previous[j] += dq;
    }
  }

 private:
  /// p_j; each key has its own noise, so that it can be found in any order.
  template <Scalar S>
  [[nodiscard]] S probability(S energy, std::size_t j, const AlignmentStep<S>& step) const {
    if (noise > 0 && step.random != nullptr) {
      const auto query = static_cast<std::uint64_t>(step.query);
      const auto key = static_cast<std::uint64_t>(step.first_key) + j;
      energy += static_cast<S>(noise * step.random->fork(query).fork(key).normal());
    }
    return S{1} / (S{1} + std::exp(-energy));
  }

  template <Scalar S>
  static S previous(const AlignmentStep<S>& step, std::size_t j) {
    return step.previous.empty() ? S(j == 0) : step.previous[j];
  }

  /// p becomes a by the recurrence.
  template <Scalar S>
  static void scan(std::span<S> p, const AlignmentStep<S>& step) {
    S q = 0;
    for (std::size_t j = 0; j < p.size(); ++j) {
      q += previous(step, j);
      const S rest = (S{1} - p[j]) * q;
      p[j] *= q;
      q = rest;
    }
  }

  /// p becomes a = p c cumsum(a' / c) with c_j = prod_{k<j} (1 - p_k), kept above 1e-10 where it
  /// divides: the paper's appendix C.1.
  template <Scalar S>
  static void accumulate(std::span<S> p, const AlignmentStep<S>& step) {
    S left = 1;
    S sum = 0;
    for (std::size_t j = 0; j < p.size(); ++j) {
      sum += previous(step, j) / std::max(left, S(1e-10));
      const S taken = p[j];
      p[j] = taken * left * sum;
      left *= S{1} - taken;
    }
  }

  template <Scalar S>
  static void take_first(std::span<S> e, const AlignmentStep<S>& step) {
    bool reached = false;
    bool taken = false;
    for (std::size_t j = 0; j < e.size(); ++j) {
      reached = reached || previous(step, j) > 0;
      const bool take = reached && !taken && e[j] > 0;
      taken = taken || take;
      e[j] = S(take);
    }
  }
};

}  // namespace attend
