/// Ragged batches: sequences of different lengths, side by side without padding.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Where each step of each sequence of a batch lies. Sequences are ranked by falling length (ties
/// keep their order) and stored *step-major*: the columns of step t are the sequences still
/// running, side by side, so the columns of a step are one block and nothing is padded. The same
/// data *sentence-major* has each sequence's steps side by side, in the order of the batch.
///
///     lengths 2 3 1         step-major   b1 b0 b2 | b1 b0 | b1
///                           sentence-major   b0 b0 | b1 b1 b1 | b2
class Ragged {
 public:
  Ragged() { assign({}); }
  explicit Ragged(std::span<const Index> lengths) { assign(lengths); }

  /// Takes new lengths (each >= 0); reuses the memory it has. Throws ShapeError.
  void assign(std::span<const Index> lengths) {
    lengths_.assign(lengths.begin(), lengths.end());
    for (const Index length : lengths_) {
      if (length < 0)
        throw ShapeError(detail::message("Ragged: a length is ", length, ", expected 0 or more"));
    }
    rank_sequences();
    count_steps();
    starts_.assign(1, 0);
    for (const Index length : lengths_) starts_.push_back(starts_.back() + length);
  }

  /// B, the number of sequences.
  [[nodiscard]] Index size() const { return static_cast<Index>(lengths_.size()); }
  /// N, the number of columns: the sum of the lengths.
  [[nodiscard]] Index columns() const { return starts_.back(); }
  /// The longest length.
  [[nodiscard]] Index steps() const { return static_cast<Index>(offsets_.size()) - 1; }

  [[nodiscard]] Index length(Index sequence) const { return lengths_[at(sequence)]; }
  [[nodiscard]] std::span<const Index> lengths() const { return lengths_; }

  /// Step-major: the first column of step t, and how many sequences are still running there.
  [[nodiscard]] Index offset(Index t) const { return offsets_[at(t)]; }
  [[nodiscard]] Index count(Index t) const { return offsets_[at(t) + 1] - offsets_[at(t)]; }

  /// The place of a sequence among the columns of a step, and the sequence at a place.
  [[nodiscard]] Index rank(Index sequence) const { return ranks_[at(sequence)]; }
  [[nodiscard]] Index sequence(Index rank) const { return order_[at(rank)]; }

  /// Step-major: the column of step t of a sequence.
  [[nodiscard]] Index column(Index sequence, Index t) const { return offset(t) + rank(sequence); }
  /// Sentence-major: the first column of a sequence.
  [[nodiscard]] Index start(Index sequence) const { return starts_[at(sequence)]; }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  void rank_sequences() {
    order_.resize(lengths_.size());
    std::iota(order_.begin(), order_.end(), Index{0});
    // A tie is broken by the index, which gives the order of a stable sort without its allocation.
    std::sort(order_.begin(), order_.end(), [this](Index a, Index b) {
      return length(a) != length(b) ? length(a) > length(b) : a < b;
    });
    ranks_.resize(lengths_.size());
    for (Index r = 0; r < size(); ++r) ranks_[at(order_[at(r)])] = r;
  }

  void count_steps() {
    offsets_.assign(1, 0);
    Index running = size();
    for (Index t = 0; running > 0; ++t) {
      while (running > 0 && length(order_[at(running - 1)]) <= t) --running;
      if (running > 0) offsets_.push_back(offsets_.back() + running);
    }
  }

  std::vector<Index> lengths_;
  std::vector<Index> order_;
  std::vector<Index> ranks_;
  std::vector<Index> offsets_;
  std::vector<Index> starts_;
};

/// Sequences of tokens as a ragged batch; `tokens` is step-major.
struct TokenBatch {
  using Item = std::vector<Token>;

  Ragged layout;
  std::vector<Token> tokens;

  TokenBatch() = default;

  /// From sequences of any container of tokens.
  template <class Sequences>
  explicit TokenBatch(const Sequences& sequences) {
    assign(sequences);
  }

  template <class Sequences>
  void assign(const Sequences& sequences) {
    lengths_.clear();
    for (const auto& s : sequences) lengths_.push_back(static_cast<Index>(std::size(s)));
    layout.assign(lengths_);
    tokens.resize(static_cast<std::size_t>(layout.columns()));
    Index b = 0;
    for (const auto& s : sequences) {
      Index t = 0;
      for (const Token token : s) tokens[static_cast<std::size_t>(layout.column(b, t++))] = token;
      ++b;
    }
  }

  /// Steps of one of its sequences.
  static Index steps(const Item& sequence) { return std::ssize(sequence); }

  [[nodiscard]] Index size() const { return layout.size(); }
  /// The tokens of step t, one for each sequence still running.
  [[nodiscard]] std::span<const Token> step(Index t) const {
    return std::span(tokens).subspan(static_cast<std::size_t>(layout.offset(t)),
                                     static_cast<std::size_t>(layout.count(t)));
  }

 private:
  std::vector<Index> lengths_;
};

/// Overwrites `tokens` with those of the batch, sentence-major; reuses its memory.
inline void to_sentence_major(const TokenBatch& batch, std::vector<Token>& tokens) {
  tokens.clear();
  for (Index b = 0; b < batch.layout.size(); ++b) {
    for (Index t = 0; t < batch.layout.length(b); ++t) {
      tokens.push_back(batch.tokens[static_cast<std::size_t>(batch.layout.column(b, t))]);
    }
  }
}

/// Overwrites Y (d x N, sentence-major) with X (d x N, step-major).
template <Scalar S>
void to_sentence_major(const Ragged& layout, ConstView<std::type_identity_t<S>> X, View<S> Y) {
  check_shape("to_sentence_major", "X", X, Y.rows(), layout.columns());
  check_shape("to_sentence_major", "Y", Y, X.rows(), layout.columns());
  for (Index t = 0; t < layout.steps(); ++t) {
    for (Index r = 0; r < layout.count(t); ++r) {
      Y.col(layout.start(layout.sequence(r)) + t) = X.col(layout.offset(t) + r);
    }
  }
}

/// Overwrites X (d x N, step-major) with Y (d x N, sentence-major).
template <Scalar S>
void to_step_major(const Ragged& layout, ConstView<std::type_identity_t<S>> Y, View<S> X) {
  check_shape("to_step_major", "Y", Y, X.rows(), layout.columns());
  check_shape("to_step_major", "X", X, Y.rows(), layout.columns());
  for (Index t = 0; t < layout.steps(); ++t) {
    for (Index r = 0; r < layout.count(t); ++r) {
      X.col(layout.offset(t) + r) = Y.col(layout.start(layout.sequence(r)) + t);
    }
  }
}

}  // namespace attend
