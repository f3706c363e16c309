/// Weighted sums of columns.
#pragma once

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/deal.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/product.hpp>

namespace attend::inline ATTEND_ABI {

/// c += V a, the context of one query, for a kernel that has other things to do meanwhile. V
/// (d_v x n), a (n), c (d_v); every element is one chain in the order of the columns, the bits of
/// multiply_add.
template <Scalar S>
struct WeightedSum {
  ConstView<S> V;
  const S* a;
  S* c;
  /// Whether memory is larger than caches, so that a kernel that computes long brings what stands
  /// behind its tile near.
  bool far = false;

  /// What is left from column `first` on.
  void add_from(Index first) const;
};

namespace detail {

/// Keys columns of a weighted sum, from column t on, a packet of rows at a time.
template <int Keys, Scalar S>
class WeightedColumns {
 public:
  EIGEN_ALWAYS_INLINE WeightedColumns(const WeightedSum<S>& sum, Index t)
      : V_(sum.V.data() + t * sum.V.outerStride()), stride_(sum.V.outerStride()), c_(sum.c) {
#pragma GCC unroll 16
    for (int k = 0; k < Keys; ++k) weights_[k] = packet::fill<S>(sum.a[t + k]);
  }

  EIGEN_ALWAYS_INLINE void add(auto lane) const {
    auto sum = lane.load(c_);
#pragma GCC unroll 16
    for (int k = 0; k < Keys; ++k) {
      sum = packet::multiply_add_once(lane.load(V_ + k * stride_), weights_[k], sum);
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

template <Scalar S>
void WeightedSum<S>::add_from(Index first) const {
  const auto add = [&]<int Keys>(Index t) ATTEND_INLINE_LAMBDA {
    const detail::WeightedColumns<Keys, S> columns(*this, t);
    packet::for_each_lane<S>(V.rows(), [&](auto lane) ATTEND_INLINE_LAMBDA { columns.add(lane); });
  };
  detail::for_each_part<8, 2>(V.cols(), add, first);
}

/// c += V a.
template <Scalar S>
void add_weighted_columns(ConstView<S> V, const S* a, S* c) {
  WeightedSum<S>{V, a, c}.add_from(0);
}

}  // namespace attend
