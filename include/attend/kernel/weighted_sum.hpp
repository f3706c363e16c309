/// Weighted sums of columns.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// c += sum over Keys columns of V.
template <int Keys, Scalar S>
inline void weighted_sum_tile(Index d, const S* V, Index stride, const S* a, S* c) {
  packet::Packet<S> weights[Keys];
#pragma GCC unroll 8
  for (int t = 0; t < Keys; ++t) weights[t] = packet::fill<S>(a[t]);
  packet::for_each_lane<S>(d, [&](auto lane) {
    auto sum = lane.load(c);
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) {
      sum = packet::multiply_add(lane.load(V + t * stride), weights[t], sum);
    }
    lane.store(c, sum);
  });
}

}  // namespace detail

/// c += V a: the context of one query. V (d_v x n), a (n), c (d_v); every element is one chain in
/// the order of the columns, the bits of multiply_add.
template <Scalar S>
void add_weighted_columns(ConstView<S> V, const S* a, S* c) {
  constexpr int keys = 8;
  const auto column = [&](Index t) { return V.data() + t * V.outerStride(); };
  Index t = 0;
  for (; t + keys <= V.cols(); t += keys) {
    detail::weighted_sum_tile<keys>(V.rows(), column(t), V.outerStride(), a + t, c);
  }
  for (; t < V.cols(); ++t) {
    detail::weighted_sum_tile<1>(V.rows(), column(t), V.outerStride(), a + t, c);
  }
}

}  // namespace attend
