/// The Decoder concept: all that search needs to know.
#pragma once

#include <concepts>
#include <span>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// V, the rows of a decoder's logits: its own, or, where what it writes is found in the sources
/// (positions, words to copy), that of a memory.
template <class D>
[[nodiscard]] Index vocabulary_size(const D& decoder, const typename D::Memory& memory) {
  if constexpr (requires { decoder.vocabulary_size(memory); }) {
    return decoder.vocabulary_size(memory);
  } else {
    return decoder.vocabulary_size();
  }
}

/// A decoder reads a memory (the encoded sources of a batch) and writes one token a step for every
/// *hypothesis*, a column of its state.
///
/// - `begin(memory, sentences, state)`: n hypotheses, column i starts on source `sentences[i]`.
/// - `step(memory, tokens, state)`: feeds `tokens[i]` (first the start symbol) to column i.
/// - `logits(state, L)`: overwrites L (V x n) with the unnormalised scores of the next token, -Inf
///   for one that the column's source does not have. V is `vocabulary_size()`, or for a decoder of
///   its sources' own symbols `vocabulary_size(memory)`.
/// - `state.size()`: n. `state.sentence(i)`: the source that column i reads.
/// - `state.weights(i)`: the last step's attention over the T positions of that source; empty where
///   the decoder has no attention.
/// - `state.select(columns)`: keeps and reorders: new column i is a copy of old `columns[i]`; the
///   number of columns may shrink and grow, memory is never copied.
/// - `memory.size()`: sources. `memory.length(b)`: T of source b.
///
/// The decoder and the memory are const and shared; the state is the caller's. Once warm, step,
/// logits and select allocate nothing.
template <class D>
concept Decoder = requires(const D& decoder, const typename D::Memory& memory,
                           typename D::State& state, const typename D::State& const_state,
                           std::span<const Index> columns, std::span<const Token> tokens,
                           View<typename D::Scalar> L, Index i) {
  { attend::vocabulary_size(decoder, memory) } -> std::convertible_to<Index>;
  decoder.begin(memory, columns, state);
  decoder.step(memory, tokens, state);
  decoder.logits(const_state, L);
  state.select(columns);
  { const_state.size() } -> std::convertible_to<Index>;
  { const_state.sentence(i) } -> std::convertible_to<Index>;
  { const_state.weights(i) } -> std::convertible_to<std::span<const typename D::Scalar>>;
  { memory.size() } -> std::convertible_to<Index>;
  { memory.length(i) } -> std::convertible_to<Index>;
};

}  // namespace attend
