/// Beam search.
#pragma once

#include <cmath>
#include <concepts>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/beam_search.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/length.hpp>
#include <attend/search/search_workspace.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` and `end` are the vocabulary's symbols and must be given.
struct BeamOptions {
  Index beam = 5;
  /// Hypotheses to return for each sentence, at most `beam`.
  Index n_best = 1;
  LengthPenalty length_penalty = LengthPenalty::none();
  /// beta of `cp = beta sum_j log min(sum_u a_ju, 1)` (arXiv 1609.08144, eq. 14), over source
  /// positions j and steps u; 0 or more. It takes part where a hypothesis ends, not before.
  double coverage_penalty = 0;
  Token start = -1;
  Token end = -1;
  LengthLimit max_length = {};
  /// The least |Y|, end symbol counted: 2 forbids the empty output. `max_length` wins.
  Index minimum_length = 0;
  /// Tokens that are never chosen, such as the unknown symbol.
  std::vector<Token> forbidden = {};
  /// Off: go on until the beam is full of finished hypotheses. The result is the same.
  bool early_stop = true;
};

/// For each sentence the `n_best` hypotheses by `score = log P / lp(|Y|) + cp`, best first; those
/// that the length limit stopped stand behind all finished ones. A finished hypothesis keeps its
/// place in the beam, so that the rest goes on with one place less (beam 1 is greedy search); live
/// ones, equal in length, are ranked by log P, ties by rank, then by the lower token.
///
/// Early stop: log P only falls, |Y| ends at most at max_length, lp does not fall and cp <= 0. So
/// a live hypothesis will score at most `log P / lp(max_length)`, and a sentence is done when that
/// is no more than the worst of its n best finished. Throws as `greedy` does, here a sentence
/// counting as stuck only when none of its hypotheses can go on and none has finished.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<std::vector<Hypothesis<typename D::Scalar>>> beam_search(
    const D& decoder, const typename D::Memory& memory, const BeamOptions& options,
    SearchWorkspace<D>& workspace) {
  check_argument(options.beam >= 1, "beam is ", options.beam, ", expected 1 or more");
  check_argument(options.n_best >= 1 && options.n_best <= options.beam, "n_best is ",
                 options.n_best, ", expected 1 to beam, which is ", options.beam);
  check_argument(options.coverage_penalty >= 0 && std::isfinite(options.coverage_penalty),
                 "coverage_penalty is ", options.coverage_penalty,
                 ", expected a finite number, 0 or more");
  const detail::BeamRules rules{
      .beam = options.beam,
      .n_best = options.n_best,
      .length_penalty = options.length_penalty,
      .coverage_penalty = options.coverage_penalty,
      .early_stop = options.early_stop,
      .constraints = detail::constraints(options, vocabulary_size(decoder, memory))};
  return detail::BeamSearch<D>(decoder, memory, rules, workspace).run();
}

/// The same for one search.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<std::vector<Hypothesis<typename D::Scalar>>> beam_search(
    const D& decoder, const typename D::Memory& memory, const BeamOptions& options) {
  SearchWorkspace<D> workspace;
  return beam_search(decoder, memory, options, workspace);
}

}  // namespace attend
