/// Weighted sums of columns.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/deal.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// c += sum over Keys columns of V, a packet of rows at a time.
template <int Keys, Scalar S>
class WeightedColumns {
 public:
  EIGEN_ALWAYS_INLINE WeightedColumns(const S* V, Index stride, const S* a, S* c)
      : V_(V), stride_(stride), c_(c) {
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) weights_[t] = packet::fill<S>(a[t]);
  }

  EIGEN_ALWAYS_INLINE void add(auto lane) const {
    auto sum = lane.load(c_);
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) {
      sum = packet::multiply_add(lane.load(V_ + t * stride_), weights_[t], sum);
    }
    lane.store(c_, sum);
  }

 private:
  const S* V_;
  Index stride_;
  S* c_;
  packet::Packet<S> weights_[Keys];
};

}  // namespace detail

/// c += V a: the context of one query. V (d_v x n), a (n), c (d_v); every element is one chain in
/// the order of the columns, the bits of multiply_add.
template <Scalar S>
void add_weighted_columns(ConstView<S> V, const S* a, S* c) {
  detail::for_each_part<8, 2>(V.cols(), [&]<int Keys>(Index t) ATTEND_INLINE_LAMBDA {
    const detail::WeightedColumns<Keys, S> columns(V.data() + t * V.outerStride(), V.outerStride(),
                                                   a + t, c);
    packet::for_each_lane<S>(V.rows(), [&](auto lane) ATTEND_INLINE_LAMBDA { columns.add(lane); });
  });
}

/// c += V a, for a kernel that has other things to do meanwhile.
template <Scalar S>
struct WeightedSum {
  ConstView<S> V;
  const S* a;
  S* c;

  /// What is left from column `first` on.
  void add_from(Index first) const {
    add_weighted_columns<S>(V.rightCols(V.cols() - first), a + first, c);
  }
};

}  // namespace attend
