/// Queries that look at one memory together, and what is known of their view of it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Numbers of keys and queries that lie in memory in any order; a stride of 0 repeats one for all.
template <class T>
struct PairView {
  const T* data = nullptr;
  Index key_stride = 1;
  Index query_stride = 0;

  [[nodiscard]] explicit operator bool() const { return data != nullptr; }
  [[nodiscard]] const T& operator()(Index t, Index u) const {
    return data[t * key_stride + u * query_stride];
  }
};

/// Dropout of weights: each is kept with probability 1 - p and then divided by it. Whether one is
/// kept follows from the seed and its place alone, so the way back and every tile agree.
struct WeightDropout {
  double p = 0;
  std::uint64_t seed = 0;

  /// 0 or 1 / (1 - p).
  template <Scalar S>
  [[nodiscard]] S factor(Index t, Index u) const {
    Random place =
        Random(seed).fork(static_cast<std::uint64_t>(u)).fork(static_cast<std::uint64_t>(t));
    return place.uniform() < p ? S{0} : static_cast<S>(1 / (1 - p));
  }
};

/// Queries that look at one memory together, already projected: A (d_e x U). Nothing but A is
/// needed.
template <Scalar S>
struct Queries {
  ConstView<S> A;
  /// The position of the first query, for windows and for scores that know positions.
  Index first = 0;
  /// Added to the energies; minus infinity hides the key.
  PairView<S> bias = {};
  /// Which keys are kept; the others are hidden.
  PairView<bool> keep = {};
  WeightDropout dropout = {};
  /// Whose queries they are, for scores that ask.
  Index head = 0;
  Index batch = 0;
  /// For alignment functions with a memory or a choice: the weights of the step before (T x U,
  /// column by column), where their gradient is added, a generator.
  const S* previous = nullptr;
  S* d_previous = nullptr;
  const Random* random = nullptr;
  /// For scores that read the past: their weights (T x U), and where the gradient is added.
  const S* past = nullptr;
  S* d_past = nullptr;
  /// For alignment functions with controls: those of each query (n x U), and their gradient.
  const S* controls = nullptr;
  S* d_controls = nullptr;
  /// For those that learn from rewards (U).
  const S* advantages = nullptr;

  [[nodiscard]] bool hidden(Index t, Index u) const {
    return (keep && !keep(t, u)) || (bias && bias(t, u) == -std::numeric_limits<S>::infinity());
  }
  [[nodiscard]] bool has_masks() const { return keep || bias; }
};

}  // namespace attend
