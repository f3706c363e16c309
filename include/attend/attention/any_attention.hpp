/// An attention whose score, window and alignment function are chosen when the program runs.
#pragma once

#include <utility>

#include <attend/attention/any_alignment.hpp>
#include <attend/attention/any_window.hpp>
#include <attend/attention/attention.hpp>
#include <attend/score/any_score.hpp>

namespace attend::inline ATTEND_ABI {

template <Scalar S>
using AnyAttention = Attention<AnyScore<S>, AnyWindow, AnyAlignment<S>>;

enum class ScoreKind {
  additive,
  dot,
  general,
  concat,
  scaled_dot,
  normalised,
  cosine,
  scaled_general,
  location,
  location_sensitive,
  coverage
};
enum class WindowKind { full, causal, local, causal_local };
enum class AlignmentKind {
  softmax,
  sharpened,
  smoothed,
  sparsemax,
  argmax,
  straight_through,
  sampled,
  monotonic,
  monotonic_parallel,
  memory_addressing,
  local_predictive
};

/// What an AnyAttention is made of, and the numbers that some kinds have.
struct AttentionChoice {
  ScoreKind score = ScoreKind::additive;
  WindowKind window = WindowKind::full;
  AlignmentKind alignment = AlignmentKind::softmax;
  /// D, keys on either side: of the local windows, and of local_predictive around its centre.
  Index reach = 10;
  /// Of `sharpened`.
  double beta = 2;
  /// Of monotonic kinds, while they learn.
  double noise = 1;
  /// Positions that `location` knows.
  Index longest = 128;
};

/// Whether a score compares queries with keys as they are, so that both must have one size.
[[nodiscard]] inline bool compares_as_they_are(ScoreKind kind) {
  return kind == ScoreKind::dot || kind == ScoreKind::scaled_dot || kind == ScoreKind::cosine;
}

template <Scalar S>
[[nodiscard]] AnyScore<S> make_score(const AttentionChoice& choice, ScoreConfig sizes,
                                     Random& random) {
  switch (choice.score) {
    case ScoreKind::dot:
      return Dot<S>();
    case ScoreKind::scaled_dot:
      return scaled_dot<S>(sizes.key);
    case ScoreKind::general:
      return General<S>(sizes, random);
    case ScoreKind::concat:
      return Concat<S>(sizes, random);
    case ScoreKind::normalised:
      return NormalisedAdditive<S>(sizes, random);
    case ScoreKind::cosine:
      return Cosine<S>(sizes.key);
    case ScoreKind::scaled_general:
      return Scaled<General<S>>(General<S>(sizes, random));
    case ScoreKind::location:
      return Location<S>(sizes.query, choice.longest, random);
    case ScoreKind::location_sensitive:
      return LocationSensitive<S>({.score = sizes}, random);
    case ScoreKind::coverage:
      return coverage_score<S>(sizes, random);
    default:
      return Additive<S>(sizes, random);
  }
}

[[nodiscard]] inline AnyWindow make_window(const AttentionChoice& choice) {
  if (choice.window == WindowKind::causal) return Causal{};
  if (choice.window == WindowKind::local) return Sliding::local_monotonic(choice.reach);
  if (choice.window == WindowKind::causal_local) {
    return Both{Causal{}, Sliding::local_monotonic(choice.reach)};
  }
  return Full{};
}

/// d_q is the size of queries.
template <Scalar S>
[[nodiscard]] AnyAlignment<S> make_alignment(const AttentionChoice& choice, Index d_q,
                                             Random& random) {
  switch (choice.alignment) {
    case AlignmentKind::sharpened:
      return Sharpened{choice.beta};
    case AlignmentKind::smoothed:
      return Smoothed{};
    case AlignmentKind::sparsemax:
      return Sparsemax{};
    case AlignmentKind::argmax:
      return Argmax{};
    case AlignmentKind::straight_through:
      return StraightThrough{};
    case AlignmentKind::sampled:
      return Sampled{};
    case AlignmentKind::monotonic:
      return Monotonic{.noise = choice.noise};
    case AlignmentKind::monotonic_parallel:
      return Monotonic{.mode = MonotonicMode::parallel, .noise = choice.noise};
    case AlignmentKind::memory_addressing:
      return MemoryAddressing<S>(d_q, random);
    case AlignmentKind::local_predictive:
      return LocalPredictive<S>(d_q, d_q, static_cast<double>(choice.reach), random);
    default:
      return Softmax{};
  }
}

/// An attention with random weights.
template <Scalar S>
[[nodiscard]] AnyAttention<S> make_attention(const AttentionChoice& choice, ScoreConfig sizes,
                                             Random& random) {
  AnyScore<S> score = make_score<S>(choice, sizes, random);
  return AnyAttention<S>(std::move(score), make_window(choice),
                         make_alignment<S>(choice, sizes.query, random));
}

}  // namespace attend
