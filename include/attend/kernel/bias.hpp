/// A bias that every column gets, and its gradient.
#pragma once

#include <algorithm>
#include <type_traits>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// Adds b (m) to every column of Y (m x n).
template <Scalar S>
void add_to_columns(ConstView<std::type_identity_t<S>> b, View<S> Y) {
  for (Index j = 0; j < Y.cols(); ++j) Y.col(j) += b;
}

/// Y = W x + b:  db += the columns of dY (m x n), the first one first. Throws ShapeError.
template <Scalar S>
void add_columns(ConstView<std::type_identity_t<S>> dY, Vector<S>& db) {
  check_size("add_columns", "rows of dY", dY.rows(), db.size());
  constexpr Index together = 4;
  for (Index j = 0; j < dY.cols(); j += together) {
    const Index n = std::min(together, dY.cols() - j);
    const S* columns = dY.col(j).data();
    packet::for_each_lane<S>(db.size(), [&](auto lane) {
      auto sum = lane.load(db.data());
      for (Index i = 0; i < n; ++i) {
        sum = packet::padd(sum, lane.load(columns + i * dY.outerStride()));
      }
      lane.store(db.data(), sum);
    });
  }
}

}  // namespace attend
