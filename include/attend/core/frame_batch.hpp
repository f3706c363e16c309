/// Sequences of vectors as a ragged batch.
#pragma once

#include <functional>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/ragged.hpp>

namespace attend::inline ATTEND_ABI {

/// What TokenBatch is for tokens: `frames` (d_x x N) is step-major.
template <Scalar S>
class FrameBatch {
 public:
  using Item = Matrix<S>;

  Ragged layout;
  Buffer<S> frames;

  FrameBatch() = default;

  /// From matrices (d_x x T) in any container.
  template <class Sequences>
  explicit FrameBatch(const Sequences& sequences) {
    assign(sequences);
  }

  /// Reuses its memory; `matrix(sequence)` is one's matrix. Throws ShapeError where the number of
  /// rows differs; sequences without columns may have any.
  template <class Sequences, class Get = std::identity>
  void assign(const Sequences& sequences, Get matrix = {}) {
    lengths_.clear();
    Index rows = 0;
    for (const auto& sequence : sequences) {
      lengths_.push_back(matrix(sequence).cols());
      if (rows == 0 && lengths_.back() > 0) rows = matrix(sequence).rows();
    }
    layout.assign(lengths_);
    View<S> X = frames.resize(rows, layout.columns());
    Index b = 0;
    for (const auto& sequence : sequences) {
      const auto& from = matrix(sequence);
      if (from.cols() > 0) check_size("FrameBatch", "rows of a sequence", from.rows(), rows);
      for (Index t = 0; t < from.cols(); ++t) X.col(layout.column(b, t)) = from.col(t);
      ++b;
    }
  }

  /// Steps of one of its sequences.
  static Index steps(const Item& sequence) { return sequence.cols(); }

  [[nodiscard]] Index size() const { return layout.size(); }

 private:
  std::vector<Index> lengths_;
};

}  // namespace attend
