/// One query's energies of a tile and their weighted sum, one behind the other; each brings half of
/// the keys near that are read next. For cores that fetch in order by themselves, this is faster
/// than the two at once (overlapped_tiles.hpp): fewer lines have to stay in the first-level cache.
#pragma once

#include <attend/core/types.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Keys that are compared side by side, in chains that hide the latency of multiply-adds.
inline constexpr int keys_in_turn = 8;

/// Calls `body(t, upcoming)` for every eight columns of K, from column t on, with the columns of
/// `next` that stand at the same place, or, where it has none, with those of K again. Returns how
/// many columns were done.
template <Scalar S, class Body>
EIGEN_ALWAYS_INLINE Index for_each_eight(const ConstView<S>& K, const ConstView<S>& next,
                                         Body&& body) {
  Index t = 0;
  for (; t + keys_in_turn <= K.cols(); t += keys_in_turn) {
    body(t, t + keys_in_turn <= next.cols() ? next.data() + t * next.outerStride()
                                            : K.data() + t * K.outerStride());
  }
  return t;
}

/// Brings near the lines of the columns [first, last) at K that begin with element i.
template <int First, int Last, Scalar S>
EIGEN_ALWAYS_INLINE void bring_columns_near(const S* K, Index stride, Index i) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(S));
  if (packet::width<S> < line && i % line != 0) return;
#pragma GCC unroll 8
  for (int t = First; t < Last; ++t) packet::bring_near(K + t * stride + i);
}

}  // namespace detail

/// e = K'q. K (d x n), q (d), e (n); half of the columns of `next` (d x m) are brought near. The
/// bits are those of `dots`.
template <Scalar S>
EIGEN_ALWAYS_INLINE void dots_before(ConstView<S> K, const S* q, S* e, ConstView<S> next) {
  constexpr int keys = detail::keys_in_turn;
  const ConstView<S> query(q, K.rows(), 1, K.rows());
  const View<S> E(e, K.cols(), 1, K.cols());
  const Index done = detail::for_each_eight<S>(K, next, [&](Index t, const S* upcoming) {
    detail::dots_tile<keys, 1, S>(
        K.middleCols(t, keys), query, E.middleRows(t, keys), [&](auto lane) ATTEND_INLINE_LAMBDA {
          detail::bring_columns_near<0, keys / 2>(upcoming, next.outerStride(), lane.i);
        });
  });
  const Index left = K.cols() - done;
  if (left > 0) dots<S>(K.rightCols(left), query, E.bottomRows(left));
}

/// Adds the sum; the other half of `next` (d_v x m) is brought near. The bits are those of
/// `sum.add_from(0)`.
template <Scalar S>
EIGEN_ALWAYS_INLINE void add_weighted_before(const WeightedSum<S>& sum, ConstView<S> next) {
  constexpr int keys = detail::keys_in_turn;
  const Index done = detail::for_each_eight<S>(sum.V, next, [&](Index t, const S* upcoming) {
    const detail::WeightedColumns<keys, S> columns(sum, t);
    packet::for_each_lane<S>(sum.V.rows(), [&](auto lane) ATTEND_INLINE_LAMBDA {
      columns.add(lane);
      detail::bring_columns_near<keys / 2, keys>(upcoming, next.outerStride(), lane.i);
    });
  });
  if (done < sum.V.cols()) sum.add_from(done);
}

}  // namespace attend
