/// Columns without NaN and Inf, for products in which a weight of zero must hide them.
#pragma once

#include <attend/core/buffer.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// Whether n numbers are all finite.
template <Scalar S>
[[nodiscard]] bool all_finite(Index n, const S* x) {
  const auto zero = packet::fill<S>(0);
  auto total = zero;
  packet::for_each_lane<S>(
      n, [&](auto lane) { total = packet::multiply_add(lane.load(x), zero, total); });
  return packet::sum(total) == S{0};
}

/// A view of columns for a product, in which those that are not finite are zero; the view is a copy
/// in `scratch` only if there are such. 0 x NaN is NaN: a product alone cannot hide a column.
template <Scalar S>
class FiniteColumns {
 public:
  /// With `trusted`, no column is hidden from anyone, and nothing is looked at.
  FiniteColumns(ConstView<S> m, bool trusted, Buffer<S>& scratch)
      : original_(m), data_(m.data()), stride_(m.outerStride()) {
    if (trusted) return;
    Index j = 0;
    while (j < m.cols() && is_finite(j)) ++j;
    if (j == m.cols()) return;
    View<S> copy = scratch.resize(m.rows(), m.cols());
    copy = m;
    for (; j < m.cols(); ++j) {
      if (!is_finite(j)) copy.col(j).setZero();
    }
    data_ = copy.data();
    stride_ = copy.outerStride();
  }

  [[nodiscard]] ConstView<S> columns() const {
    return {data_, original_.rows(), original_.cols(), stride_};
  }

  /// Calls `body(j)` for the columns that are not finite.
  template <class Body>
  void for_each_other(Body&& body) const {
    if (data_ == original_.data()) return;
    for (Index j = 0; j < original_.cols(); ++j) {
      if (!is_finite(j)) body(j);
    }
  }

 private:
  [[nodiscard]] bool is_finite(Index j) const {
    return all_finite<S>(original_.rows(), original_.data() + j * original_.outerStride());
  }

  ConstView<S> original_;
  const S* data_;
  Index stride_;
};

}  // namespace attend
