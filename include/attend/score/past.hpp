/// Scores that read the weights of the steps before.
#pragma once

#include <span>

#include <attend/core/buffer.hpp>
#include <attend/score/score.hpp>

namespace attend::inline ATTEND_ABI {

/// What a score reads of the past: nothing, the weights of the step before, or their sum over all
/// steps before (coverage).
enum class Past { nothing, previous, accumulated };

/// Keys K (d_e x n) that one query a (d_e x 1) looks at, both projected; `weights` are those of the
/// past over all T keys, of which the tile's first is `first`.
template <Scalar S>
struct PastTile {
  ConstView<S> K;
  ConstView<S> a;
  std::span<const S> weights;
  Index first;
};

/// Where its gradients are added; d_weights (T) is empty where nobody asks for it.
template <Scalar S>
struct PastGradient {
  View<S> dK;
  View<S> da;
  std::span<S> d_weights;
};

/// Scratch of such a score; one a thread, kept from call to call.
template <Scalar S>
struct PastScratch {
  Buffer<S> features;
  Buffer<S> keys;
  Buffer<S> d_features;
  Buffer<S> d_keys;
};

/// A score that reads the weights of earlier steps. The memory stays as it is: what the past says
/// of a key is added where key and query meet.
///
/// - `past()`: which weights it reads; decided at run time, it may be `Past::nothing`.
/// - `energies_after(tile, E, scratch)`: as `energies`, for one query; overwrites E (n x 1).
/// - `energies_after_backward(tile, dE, PastGradient, gradient, scratch)`: adds.
///
/// Where there is no past yet, `energies` is called. A score that reads the weights of other keys
/// than its own says how far to either side: `past_reach()`.
template <class Z>
concept ReadsPast = Score<Z> &&
    requires(const Z& score, Z& gradient, const PastTile<typename Z::Scalar>& tile,
             View<typename Z::Scalar> E, const PastGradient<typename Z::Scalar>& d,
             PastScratch<typename Z::Scalar>& scratch) {
  { score.past() } -> std::same_as<Past>;
  score.energies_after(tile, E, scratch);
  score.energies_after_backward(tile, E, d, gradient, scratch);
};

template <Score Z>
[[nodiscard]] Past past_of(const Z& score) {
  if constexpr (ReadsPast<Z>) return score.past();
  return Past::nothing;
}

template <Score Z>
[[nodiscard]] Index past_reach(const Z& score) {
  if constexpr (requires { score.past_reach(); }) return score.past_reach();
  return 0;
}

}  // namespace attend
