/// What a transformer's decoder reads, and what it changes from step to step.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/attention/key_value_cache.hpp>
#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>
#include <attend/decoder/column_gather.hpp>
#include <attend/decoder/transformer_layer.hpp>
#include <attend/layer/token_input.hpp>

namespace attend::inline ATTEND_ABI {

/// The encoded sources of a batch, sentence-major: annotations (d_h x N), and for every layer the
/// projected keys and values of all heads (key_rows + value_rows x N). A gradient of a memory is a
/// memory.
template <Scalar S>
struct TransformerMemory {
  Ragged layout;
  Buffer<S> annotations;
  std::vector<Buffer<S>> layers;

  [[nodiscard]] Index size() const { return layout.size(); }
  [[nodiscard]] Index length(Index b) const { return layout.length(b); }

  void zero_like(const TransformerMemory& other) {
    layout = other.layout;
    annotations.zero(other.annotations.rows(), other.annotations.cols());
    layers.resize(other.layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) {
      layers[l].zero(other.layers[l].rows(), other.layers[l].cols());
    }
  }
};

/// The pass over N columns, kept for the way back: training keeps a batch's, search the last
/// step's.
template <Scalar S>
struct TransformerDecoderTrace {
  TokenInputTrace<S> input;
  std::vector<TransformerDecoderLayerTrace<S>> layers;
  Buffer<S> top;
  LayerNormTrace<S> norm;
  Buffer<S> readouts;
  Buffer<S> gradient;
  Buffer<S> d_top;
};

/// The state of n hypotheses: the source that each reads, its own keys and values, and the last
/// step's trace and weights. The encoder's memory is not part of it and is never copied.
template <Scalar S>
class TransformerDecoderState {
 public:
  std::vector<Index> sentences;
  KeyValueCache<S> cache;
  TransformerDecoderTrace<S> trace;
  /// Columns of weights (longest source x n), and how much of each counts.
  Buffer<S> alignments;
  std::vector<Index> lengths;

  [[nodiscard]] Index size() const { return std::ssize(sentences); }
  [[nodiscard]] Index sentence(Index i) const { return sentences[static_cast<std::size_t>(i)]; }
  [[nodiscard]] Index steps() const { return cache.steps(); }

  /// The last step's attention of hypothesis i over its source, the mean over the last layer's
  /// heads; empty before the first step.
  [[nodiscard]] std::span<const S> weights(Index i) const {
    if (alignments.cols() != size()) return {};
    return {alignments.column(i), static_cast<std::size_t>(lengths[static_cast<std::size_t>(i)])};
  }

  /// New hypothesis i is a copy of old `columns[i]`.
  void select(std::span<const Index> columns) {
    cache.select(columns);
    gather_(columns, alignments);
    gather_(columns, trace.readouts);
    gather_(columns, sentences);
    gather_(columns, lengths);
  }

 private:
  ColumnGather<S> gather_;
};

}  // namespace attend
