/// Greedy search.
#pragma once

#include <algorithm>
#include <concepts>
#include <limits>
#include <vector>

#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>
#include <attend/search/constraints.hpp>
#include <attend/search/hypothesis.hpp>
#include <attend/search/roll_out.hpp>
#include <attend/search/search_workspace.hpp>

namespace attend::inline ATTEND_ABI {

/// `start` and `end` are the vocabulary's symbols and must be given.
struct GreedyOptions {
  Token start = -1;
  Token end = -1;
  LengthLimit max_length = {};
  /// The least |Y|, end symbol counted: 2 forbids the empty output. `max_length` wins.
  Index minimum_length = 0;
  /// Tokens that are never chosen, such as the unknown symbol.
  std::vector<Token> forbidden = {};
};

namespace detail {

/// The first of the greatest; -1 where all are -Inf.
template <Scalar S>
[[nodiscard]] Token arg_max(const LogitColumn<S>& x) {
  const S greatest = largest(x.size(), x.data());
  if (greatest == -std::numeric_limits<S>::infinity()) return -1;
  return static_cast<Token>(std::find(x.data(), x.data() + x.size(), greatest) - x.data());
}

}  // namespace detail

/// The likeliest token at every step, ties to the lower token: one hypothesis for each of the
/// memory's sentences, all decoded side by side; one that ends leaves the batch and costs no more.
/// Throws std::invalid_argument for options out of range and where nothing may be chosen, and
/// NonFiniteError, naming step (from 1) and sentence, for logits that are NaN, +Inf or all -Inf.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<Hypothesis<typename D::Scalar>> greedy(const D& decoder,
                                                                 const typename D::Memory& memory,
                                                                 const GreedyOptions& options,
                                                                 SearchWorkspace<D>& workspace) {
  using S = typename D::Scalar;
  const detail::RollOutRules rules{
      .constraints = detail::constraints(options, vocabulary_size(decoder, memory)),
      .sentences = detail::each_sentence(memory.size(), 1)};
  return detail::roll_out(
      decoder, memory, rules, workspace,
      [](Index, const detail::LogitColumn<S>& x) { return detail::arg_max<S>(x); });
}

/// The same for one search.
template <Decoder D>
requires std::default_initializable<typename D::State>
[[nodiscard]] std::vector<Hypothesis<typename D::Scalar>> greedy(const D& decoder,
                                                                 const typename D::Memory& memory,
                                                                 const GreedyOptions& options) {
  SearchWorkspace<D> workspace;
  return greedy(decoder, memory, options, workspace);
}

}  // namespace attend
