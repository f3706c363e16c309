/// What a search holds and asks for each column of a decoder's state.
#pragma once

#include <span>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/decoder.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// The last step's attention of a state's column, one weight a source position or none at all.
template <Decoder D>
[[nodiscard]] std::span<const typename D::Scalar> attention_of(const typename D::State& state,
                                                               const typename D::Memory& memory,
                                                               Index column) {
  const std::span<const typename D::Scalar> weights = state.weights(column);
  if (!weights.empty())
    check_size("search", "the number of the decoder's weights", static_cast<Index>(weights.size()),
               memory.length(state.sentence(column)));
  return weights;
}

/// Where a live hypothesis stands.
struct Path {
  Index node;
  double log_probability = 0;
};

/// The columns of a search with so many hypotheses for every sentence.
[[nodiscard]] inline std::vector<Index> each_sentence(Index sentences, Index times) {
  std::vector<Index> columns;
  columns.reserve(static_cast<std::size_t>(sentences * times));
  for (Index b = 0; b < sentences; ++b)
    columns.insert(columns.end(), static_cast<std::size_t>(times), b);
  return columns;
}

}  // namespace attend::inline ATTEND_ABI::detail
