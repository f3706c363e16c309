/// The SequencePooling concept: a sequence of any length becomes r vectors.
#pragma once

#include <concepts>

#include <attend/core/parameters.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// What makes r vectors M (d x r) of a sequence's columns H (d x T), zero where T = 0.
///
/// - `pooling.forward(H, M, trace)` overwrites M; `trace` keeps what the way back needs.
/// - `pooling.weights(trace)`: how much of each column went into each vector (T x r).
/// - `pooling.penalty(trace)`: what training adds to the loss, times a factor; 0 for most.
/// - `pooling.backward(transposed, H, dM, penalty_scale, dH, trace, gradient)` adds to dH and to
///   `gradient` what comes back from M and from penalty_scale times the penalty.
template <class P>
concept SequencePooling = Parameterized<P> &&
    requires(const P& pooling, ConstView<typename P::Scalar> H, View<typename P::Scalar> M,
             typename P::Scalar scale, typename P::Trace& trace, P& gradient) {
  { pooling.hops() } -> std::convertible_to<Index>;
  pooling.forward(H, M, trace);
  { pooling.weights(trace) } -> std::convertible_to<ConstView<typename P::Scalar>>;
  { pooling.penalty(trace) } -> std::convertible_to<typename P::Scalar>;
  pooling.backward(pooling, H, H, scale, M, trace, gradient);
};

}  // namespace attend
