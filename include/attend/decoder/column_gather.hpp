/// Keeping and reordering the columns of a decoder's state.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Makes new column i a copy of old `columns[i]`, in whatever holds something for each hypothesis.
/// Columns may be left out and repeated. Once warm, allocates nothing.
template <Scalar S>
class ColumnGather {
 public:
  /// Values (d x n) become (d x columns); those without columns stay so.
  void operator()(std::span<const Index> columns, Buffer<S>& values) {
    if (values.cols() == 0) return;
    View<S> to = scratch_.resize(values.rows(), std::ssize(columns));
    Index i = 0;
    for (const Index c : columns) to.col(i++) = values.view().col(c);
    std::swap(values, scratch_);
  }

  void operator()(std::span<const Index> columns, std::vector<Index>& values) {
    if (values.empty()) return;
    scratch_indices_.clear();
    for (const Index c : columns) scratch_indices_.push_back(values[static_cast<std::size_t>(c)]);
    std::swap(values, scratch_indices_);
  }

 private:
  Buffer<S> scratch_;
  std::vector<Index> scratch_indices_;
};

}  // namespace attend
