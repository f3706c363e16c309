/// What a recurrent decoder changes from step to step, and what it keeps of the steps.
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/decoder/column_gather.hpp>
#include <attend/decoder/copying.hpp>
#include <attend/decoder/decoder_attention.hpp>
#include <attend/decoder/decoder_cell.hpp>
#include <attend/decoder/weight_history.hpp>
#include <attend/layer/dropout.hpp>

namespace attend::inline ATTEND_ABI {

/// The steps of N columns, kept for the way back: training keeps a batch's, search the last one's.
template <Scalar S>
struct RecurrentDecoderTrace {
  Buffer<S> embedded;
  std::vector<DecoderCellTrace<S>> cells;
  DecoderAttentionTrace<S> attention;
  Buffer<S> fed;
  Buffer<S> activations;
  Buffer<S> readouts;
  /// Where it copies, the probability that each column does not (1 x N).
  Buffer<S> generate;
  Dropout<S> embedding_dropout;
  Dropout<S> readout_dropout;

  Buffer<S> d_embedded;
  Buffer<S> d_below;
  Buffer<S> d_activations;
  /// Where it copies: the tokens that are embedded.
  std::vector<Token> known;
  /// What a loss says of `generate`.
  Buffer<S> d_generate;
};

/// The state of n hypotheses: one column each of every layer's state and of what is fed back, the
/// source that each reads, and the last step's trace and weights.
template <Scalar S>
class RecurrentDecoderState {
 public:
  std::vector<Buffer<S>> layers;
  Buffer<S> feed;
  std::vector<Index> sentences;
  Index steps = 0;
  RecurrentDecoderTrace<S> trace;
  Buffer<S> alignments;
  /// For attentions that read earlier steps: the weights of the step before the last, and the sum
  /// of all but the last.
  bool keeps_history = false;
  Buffer<S> previous;
  Buffer<S> accumulated;
  std::vector<Index> lengths;
  /// Where the decoder copies: what the sources of the last step's memory say.
  const CopiedWords* words = nullptr;

  [[nodiscard]] Index size() const { return static_cast<Index>(sentences.size()); }
  [[nodiscard]] Index sentence(Index i) const { return sentences[static_cast<std::size_t>(i)]; }

  /// The last step's attention of hypothesis i over its source; empty before the first step and
  /// without attention.
  [[nodiscard]] std::span<const S> weights(Index i) const {
    if (alignments.cols() != size()) return {};
    return {alignments.column(i), static_cast<std::size_t>(lengths[static_cast<std::size_t>(i)])};
  }

  /// No step yet.
  void begin_weights(bool history) {
    keeps_history = history;
    alignments.resize(0, 0);
    previous.resize(0, 0);
    accumulated.resize(0, 0);
  }

  /// Makes room for the weights of a step.
  [[nodiscard]] StepWeights<S> next_weights() {
    const auto longest = std::max_element(lengths.begin(), lengths.end());
    const Index rows = lengths.empty() ? 0 : *longest;
    StepWeights<S> step;
    if (keeps_history) {
      std::swap(alignments, previous);
      if (steps == 0) accumulated.zero(rows, size());
      if (steps > 0) step.previous = {previous, 0};
      step.accumulated = {accumulated, 0};
      step.accumulated_before = step.accumulated;
    }
    alignments.resize(rows, size());
    step.own = {alignments, 0};
    return step;
  }

  /// Its one source moved on: `forgotten` columns of the memory went, `length` are there.
  void follow(Index forgotten, Index length) {
    std::ranges::fill(lengths, length);
    shift(forgotten, length, alignments);
    shift(forgotten, length, accumulated);
  }

  /// The next step can be taken back: `take_back` makes it as it is now, but for the trace.
  void mark() {
    marked_.layers.resize(layers.size());
    for (std::size_t l = 0; l < layers.size(); ++l) copy(layers[l], marked_.layers[l]);
    copy(feed, marked_.feed);
    copy(alignments, marked_.alignments);
    copy(accumulated, marked_.accumulated);
    marked_.steps = steps;
  }
  void take_back() {
    for (std::size_t l = 0; l < layers.size(); ++l) copy(marked_.layers[l], layers[l]);
    copy(marked_.feed, feed);
    copy(marked_.alignments, alignments);
    copy(marked_.accumulated, accumulated);
    steps = marked_.steps;
  }

  /// New hypothesis i is a copy of old `columns[i]`.
  void select(std::span<const Index> columns) {
    for (const Index c : columns) {
      check_argument(c >= 0 && c < size(), "select: column ", c, " is not among the ", size(),
                     " hypotheses");
    }
    for (Buffer<S>& layer : layers) gather_(columns, layer);
    gather_(columns, feed);
    gather_(columns, alignments);
    gather_(columns, accumulated);
    gather_(columns, trace.readouts);
    gather_(columns, trace.generate);
    gather_(columns, sentences);
    gather_(columns, lengths);
  }

 private:
  struct Mark {
    std::vector<Buffer<S>> layers;
    Buffer<S> feed;
    Buffer<S> alignments;
    Buffer<S> accumulated;
    Index steps = 0;
  };

  static void copy(const Buffer<S>& from, Buffer<S>& to) {
    to.resize(from.rows(), from.cols()) = from.view();
  }

  /// Rows are the columns of the memory.
  void shift(Index forgotten, Index length, Buffer<S>& weights) {
    if (weights.cols() == 0) return;
    shifted_.zero(length, weights.cols());
    const Index kept = std::clamp<Index>(weights.rows() - forgotten, 0, length);
    for (Index i = 0; i < weights.cols(); ++i) {
      std::copy_n(weights.column(i) + forgotten, kept, shifted_.column(i));
    }
    std::swap(weights, shifted_);
  }

  Mark marked_;
  Buffer<S> shifted_;
  ColumnGather<S> gather_;
};

}  // namespace attend
