/// Alignment functions: how energies become weights.
#pragma once

#include <concepts>
#include <span>

#include <attend/core/random.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/softmax.hpp>

namespace attend::inline ATTEND_ABI {

/// What an alignment function may know beside its energies. Spans are over the keys that the query
/// sees, first `first_key`; they are empty where the caller keeps no such thing.
template <Scalar S>
struct AlignmentStep {
  Index query = 0;
  Index first_key = 0;
  /// T, of which the query may see a part.
  Index keys = 0;
  /// The weights that the step before gave to the same keys, and where their gradient is added.
  std::span<const S> previous;
  std::span<S> d_previous;
  const Random* random = nullptr;
  /// Numbers that the query itself sets for the function (a gate, a centre), and where their
  /// gradient is added.
  std::span<const S> controls;
  std::span<S> d_controls;
  /// How much better the query's outcome was than expected, for functions that learn from rewards.
  S advantage = 0;
};

/// Softmax. The engine knows it and walks the memory in tiles, nothing of size T x U is kept; its
/// members are for what needs whole columns all the same.
struct Softmax {
  static void parameters(auto&&, auto&...) {}

  template <Scalar S>
  void align(std::span<S> e, const AlignmentStep<S>& /*step*/) const {
    softmax(std::ssize(e), e.data());
  }

  /// de_j = a_j (da_j - sum_k a_k da_k).
  template <Scalar S>
  void align_backward(std::span<const S> /*e*/, std::span<const S> weights, std::span<S> d,
                      const AlignmentStep<S>& /*step*/, Softmax& /*gradient*/) const {
    softmax_backward(std::ssize(d), weights.data(), d.data());
  }
};

/// A function of one query's energies, all that it sees at once.
///
/// - `align(e, step)`: energies e become weights, in place.
/// - `align_backward(e, weights, d, step, gradient)`: e are the energies, `weights` what align
/// gave;
///   d, the gradient of the weights, becomes that of the energies. `gradient` is a value of its own
///   type.
///
/// Neither is called for a query that sees no key. Two optional parts:
///
/// - `control_size()` numbers that each query sets: `controls(Q, P)` overwrites P (n x U) from
///   Q (d_q x U); `controls_backward(transposed, Q, dP, dQ, gradient)` adds.
/// - `reach(controls, T)`: the keys that a query with these controls looks at, of those it may see.
template <class A, class S>
concept AlignmentFunction = std::copyable<A> &&
    requires(const A& a, A& gradient, std::span<S> e, std::span<const S> known,
             const AlignmentStep<S>& step) {
  a.align(e, step);
  a.align_backward(known, known, e, step, gradient);
};

/// How many controls a function has.
template <class A>
[[nodiscard]] Index control_size(const A& alignment) {
  if constexpr (requires { alignment.control_size(); }) return alignment.control_size();
  return 0;
}

/// Whether a function reads the weights of the step before.
template <class A>
[[nodiscard]] bool reads_previous(const A& alignment) {
  if constexpr (requires { alignment.reads_previous(); }) return alignment.reads_previous();
  return false;
}

/// Whether it is the softmax that the engine knows.
template <class A>
[[nodiscard]] bool is_softmax(const A& alignment) {
  if constexpr (requires { alignment.is_softmax(); }) return alignment.is_softmax();
  return std::same_as<A, Softmax>;
}

}  // namespace attend
