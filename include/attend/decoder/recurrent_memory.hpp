/// What a recurrent decoder reads: annotations for its attention, and the states it begins with.
#pragma once

#include <attend/attention/memory.hpp>
#include <attend/core/types.hpp>
#include <attend/decoder/copying.hpp>

namespace attend::inline ATTEND_ABI {

/// The encoded sources of a batch, B of them. `initial` (all layers' state rows x B) holds the
/// states a decoder begins with; a gradient of a memory is a memory.
template <Scalar S>
struct RecurrentMemory {
  Memory<S> attention;
  Matrix<S> initial;
  /// For a decoder that copies; a gradient has none.
  CopiedWords words;

  [[nodiscard]] Index size() const { return attention.size(); }
  [[nodiscard]] Index length(Index b) const { return attention.length(b); }

  void zero_like(const RecurrentMemory& other) {
    attention.zero_like(other.attention);
    initial.setZero(other.initial.rows(), other.initial.cols());
  }
};

}  // namespace attend
