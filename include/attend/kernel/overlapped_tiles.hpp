/// One query's energies of a tile, made while the tile before is summed up.
#pragma once

#include <algorithm>

#include <attend/core/types.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// e[t] = k_t'q for Keys columns of K, and c += sum_t a[t] v_t for Keys columns of V, all of d
/// rows. One loop reads both: what K waits for memory, V computes from the first-level cache.
template <int Keys, Scalar S>
EIGEN_ALWAYS_INLINE void overlapped_tile(Index d, const ConstView<S>& K, const S* q, S* e,
                                         const ConstView<S>& V, const S* a, S* c) {
  packet::Packet<S> weights[Keys];
  packet::Packet<S> sums[Keys];
#pragma GCC unroll 8
  for (int t = 0; t < Keys; ++t) {
    weights[t] = packet::fill<S>(a[t]);
    sums[t] = packet::fill<S>(0);
  }
  const Index K_stride = K.outerStride();
  const Index V_stride = V.outerStride();
  packet::for_each_lane<S>(d, [&](auto lane) ATTEND_INLINE_LAMBDA {
    const auto query = lane.load(q);
    auto context = lane.load(c);
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) {
      sums[t] = packet::multiply_add(lane.load(K.data() + t * K_stride), query, sums[t]);
      context = packet::multiply_add(lane.load(V.data() + t * V_stride), weights[t], context);
    }
    lane.store(c, context);
  });
  packet::sums<Keys>(sums, e);
}

}  // namespace detail

/// e = K'q and c += V a at once. K (d x n), q (d), e (n); V (d x m). The bits are
/// those of `dots` and `add_weighted_columns`. Where keys are eight or less of each, memory is read
/// without a pause.
template <Scalar S>
EIGEN_ALWAYS_INLINE void dots_beside_sum(ConstView<S> K, const S* q, S* e,
                                         const WeightedSum<S>& sum) {
  const auto& [V, a, c] = sum;
  constexpr Index keys = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 8 : 4;
  const Index both = std::min(K.cols(), V.cols()) / keys * keys;
  for (Index t = 0; t < both; t += keys) {
    detail::overlapped_tile<static_cast<int>(keys), S>(K.rows(), K.middleCols(t, keys), q, e + t,
                                                       V.middleCols(t, keys), a + t, c);
  }
  const ConstView<S> query(q, K.rows(), 1, K.rows());
  const Index keys_left = K.cols() - both;
  if (keys_left == 0 && both == V.cols()) return;
  dots<S>(K.rightCols(keys_left), query, View<S>(e + both, keys_left, 1, keys_left));
  sum.add_from(both);
}

}  // namespace attend
