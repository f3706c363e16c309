/// What a decoder reads while it learns.
#pragma once

#include <attend/core/ragged.hpp>

namespace attend::inline ATTEND_ABI {

/// What a decoder reads while it learns to write `target`: each sequence behind the start symbol,
/// without its last token. Overwrites `inputs`, reusing its memory.
inline void shift_behind_start(const TokenBatch& target, Token start, TokenBatch& inputs) {
  inputs = target;
  const Ragged& layout = target.layout;
  for (Index t = 0; t < layout.steps(); ++t) {
    for (Index r = 0; r < layout.count(t); ++r) {
      const auto column = static_cast<std::size_t>(layout.offset(t) + r);
      const auto before = static_cast<std::size_t>(t == 0 ? 0 : layout.offset(t - 1) + r);
      inputs.tokens[column] = t == 0 ? start : target.tokens[before];
    }
  }
}

}  // namespace attend
