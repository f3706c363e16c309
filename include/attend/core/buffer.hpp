/// Memory that a caller keeps from step to step.
#pragma once

#include <algorithm>

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// A matrix that only ever grows its memory: resizing to what fits allocates nothing, so a step
/// that has run once allocates nothing when it runs again. What it holds after `resize` is
/// undefined.
template <Scalar S>
class Buffer {
 public:
  /// Makes it (rows x cols) and returns it.
  View<S> resize(Index rows, Index cols) {
    rows_ = rows;
    cols_ = cols;
    const Index size = rows * cols;
    if (storage_.size() < size)
      storage_.resize(std::max(size, storage_.size() + storage_.size() / 2));
    return view();
  }

  /// Makes it (rows x cols) and zero.
  View<S> zero(Index rows, Index cols) {
    View<S> m = resize(rows, cols);
    m.setZero();
    return m;
  }

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index cols() const { return cols_; }

  [[nodiscard]] View<S> view() { return {storage_.data(), rows_, cols_, rows_}; }
  [[nodiscard]] ConstView<S> view() const { return {storage_.data(), rows_, cols_, rows_}; }

  [[nodiscard]] View<S> columns(Index first, Index count) {
    return {storage_.data() + first * rows_, rows_, count, rows_};
  }
  [[nodiscard]] ConstView<S> columns(Index first, Index count) const {
    return {storage_.data() + first * rows_, rows_, count, rows_};
  }
  [[nodiscard]] S* column(Index j) { return storage_.data() + j * rows_; }
  [[nodiscard]] const S* column(Index j) const { return storage_.data() + j * rows_; }

 private:
  Index rows_ = 0;
  Index cols_ = 0;
  Vector<S> storage_;
};

}  // namespace attend
