/// Weights of earlier steps, for attentions that read them.
#pragma once

#include <algorithm>
#include <utility>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Columns of weights, one a hypothesis; empty where nothing is kept.
template <Scalar S>
struct WeightColumns {
  bool kept = false;
  S* data = nullptr;
  Index stride = 0;

  WeightColumns() = default;
  WeightColumns(Buffer<S>& buffer, Index first)
      : kept(true), data(buffer.column(first)), stride(buffer.rows()) {}

  [[nodiscard]] explicit operator bool() const { return kept; }
  [[nodiscard]] S* operator[](Index i) const { return kept ? data + i * stride : nullptr; }
};

/// What a step reads and writes: its own weights, those of the step before (empty at the first),
/// and the sums of all before it and before the step before it, which may be one.
template <Scalar S>
struct StepWeights {
  WeightColumns<S> own;
  WeightColumns<S> previous;
  WeightColumns<S> accumulated;
  WeightColumns<S> accumulated_before;

  /// The sum of hypothesis i's weights over its T keys before this step, brought up to date.
  [[nodiscard]] S* accumulate(Index i, Index T) const {
    S* sum = accumulated[i];
    for (Index t = 0; t < T; ++t) {
      sum[t] = previous ? accumulated_before[i][t] + previous[i][t] : S{0};
    }
    return sum;
  }

  /// s = s' + a', for gradients:  ds' += ds, da' += ds.
  void accumulate_backward(Index i, Index T) const {
    for (Index t = 0; t < T; ++t) {
      accumulated_before[i][t] += accumulated[i][t];
      previous[i][t] += accumulated[i][t];
    }
  }
};

/// The weights of all steps of a batch, for training: column by column as the trace's. Its gradient
/// is another one.
template <Scalar S>
struct WeightHistory {
  Buffer<S> weights;
  Buffer<S> accumulated;

  void zero(Index longest, Index N) {
    weights.zero(longest, N);
    accumulated.zero(longest, N);
  }

  /// Of the step at column `first`, behind the one at column `before`, or -1 for none.
  [[nodiscard]] StepWeights<S> step(Index first, Index before) {
    StepWeights<S> step;
    step.own = {weights, first};
    step.accumulated = {accumulated, first};
    if (before >= 0) {
      step.previous = {weights, before};
      step.accumulated_before = {accumulated, before};
    }
    return step;
  }
};

}  // namespace attend
