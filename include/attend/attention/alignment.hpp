/// Alignment functions: how energies become weights.
#pragma once

#include <concepts>
#include <span>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// What an alignment function may know beside its energies. Spans are over the keys that the query
/// sees, first `first_key`; they are empty where the caller keeps no such thing.
template <Scalar S>
struct AlignmentStep {
  Index query = 0;
  Index first_key = 0;
  /// The weights that the step before gave to the same keys, and where their gradient is added.
  std::span<const S> previous;
  std::span<S> d_previous;
  Random* random = nullptr;
};

/// Softmax. The engine knows it and walks the memory in tiles, nothing of size T x U is kept.
struct Softmax {};

/// A function of one query's energies, all that it sees at once.
///
/// - `align(e, step)`: energies e become weights, in place.
/// - `align_backward(e, weights, d, step, gradient)`: e are the energies, `weights` what align
/// gave;
///   d, the gradient of the weights, becomes that of the energies. `gradient` is a value of its own
///   type.
///
/// Neither is called for a query that sees no key.
template <class A, class S>
concept AlignmentFunction = std::copyable<A> &&
    requires(const A& a, A& gradient, std::span<S> e, std::span<const S> known,
             const AlignmentStep<S>& step) {
  a.align(e, step);
  a.align_backward(known, known, e, step, gradient);
};

/// What the engine takes: softmax, or such a function.
template <class A, class S>
concept Alignment = std::same_as<A, Softmax> || AlignmentFunction<A, S>;

}  // namespace attend
