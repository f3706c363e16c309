/// Weighted sums of columns.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// c += sum over Keys columns of V; what follows the columns is fetched ahead.
template <int Keys, Scalar S>
inline void add_weighted_columns(Index d, const S* V, Index stride, Index ahead, const S* a, S* c) {
  packet::Packet<S> weights[Keys];
#pragma GCC unroll 8
  for (int t = 0; t < Keys; ++t) weights[t] = packet::fill<S>(a[t]);
  packet::for_each_lane<S>(d, [&](auto lane) {
    auto sum = lane.load(c);
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) {
      const S* column = V + t * stride;
      packet::prefetch(column + ahead + lane.i);
      sum = packet::multiply_add(lane.load(column), weights[t], sum);
    }
    lane.store(c, sum);
  });
}

}  // namespace detail

/// c += V a: the context of one query. V (d_v x n), a (n), c (d_v); every element is one chain in
/// the order of the columns, the bits of multiply_add. While it sums, it fetches the columns that
/// stand `ahead` columns further in memory, where the caller knows that they are read next.
template <Scalar S>
void add_weighted_columns(ConstView<S> V, const S* a, S* c, Index ahead = 0) {
  constexpr int keys = 8;
  const Index stride = V.outerStride();
  Index t = 0;
  for (; t + keys <= V.cols(); t += keys) {
    detail::add_weighted_columns<keys>(V.rows(), V.data() + t * stride, stride, ahead * stride,
                                       a + t, c);
  }
  for (; t < V.cols(); ++t) {
    detail::add_weighted_columns<1>(V.rows(), V.data() + t * stride, stride, ahead * stride, a + t,
                                    c);
  }
}

}  // namespace attend
