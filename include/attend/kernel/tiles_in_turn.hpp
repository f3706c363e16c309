/// One query's energies of a tile and their weighted sum, one behind the other; both bring some of
/// the keys near that are read next. For cores that fetch in order by themselves, this is faster
/// than the two at once (overlapped_tiles.hpp): fewer lines have to stay in the first-level cache.
#pragma once

#include <attend/core/types.hpp>
#include <attend/kernel/deal.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Keys that are compared side by side, in chains that hide the latency of multiply-adds.
inline constexpr int keys_in_turn = 8;

/// Calls `body.template operator()<count>(t, upcoming)` for eight columns of K at a time, from
/// column t on, and for the last 8 to 15 together: alone, a few would be too few chains. `upcoming`
/// are the columns of `next` that stand at the same place, or, where it has none, those of K again.
/// Returns how many columns were done: all, or none of fewer than eight.
template <Scalar S, class Body>
EIGEN_ALWAYS_INLINE Index for_each_eight(const ConstView<S>& K, const ConstView<S>& next,
                                         Body&& body) {
  constexpr Index eight = keys_in_turn;
  Index t = 0;
  const auto at_t = [&]<int Keys>() ATTEND_INLINE_LAMBDA {
    body.template operator()<Keys>(t, t + eight <= next.cols()
                                          ? next.data() + t * next.outerStride()
                                          : K.data() + t * K.outerStride());
  };
  for (; K.cols() - t == eight || K.cols() - t >= 2 * eight; t += eight) {
    at_t.template operator()<keys_in_turn>();
  }
  if (K.cols() - t < eight) return t;
  with_count<2 * keys_in_turn - 1, keys_in_turn + 1>(K.cols() - t, at_t);
  return K.cols();
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

/// What of eight columns that stand next is brought near while a tile computes.
enum class Bringing {
  near,  ///< Five by the sum; the caches send the others soon enough.
  all,   ///< Half by the energies and all by the sum: far memory drops some of what is asked once.
  few,   ///< One by the energies and two by the sum, as slow memory sends no more meanwhile.
};

/// e = K'q. K (d x n), q (d), e (n); some columns of `next` (d x m) are brought near. The bits are
/// those of `dots`.
template <Scalar S>
EIGEN_ALWAYS_INLINE void dots_before(ConstView<S> K, const S* q, S* e, ConstView<S> next,
                                     Bringing bringing) {
  constexpr int keys = detail::keys_in_turn;
  const ConstView<S> query(q, K.rows(), 1, K.rows());
  const View<S> E(e, K.cols(), 1, K.cols());
  const Index done = detail::for_each_eight<S>(
      K, next, [&]<int Keys>(Index t, const S* upcoming) ATTEND_INLINE_LAMBDA {
        const auto dots_bringing = [&]<int Columns>() ATTEND_INLINE_LAMBDA {
          detail::dots_tile<Keys, 1, S>(K.middleCols(t, Keys), query, E.middleRows(t, Keys),
                                        [&](auto lane) ATTEND_INLINE_LAMBDA {
                                          detail::bring_columns_near<0, Columns>(
                                              upcoming, next.outerStride(), lane.i);
                                        });
        };
        if constexpr (Keys == keys) {
          if (bringing == Bringing::all) return dots_bringing.template operator()<keys / 2>();
          if (bringing == Bringing::few) return dots_bringing.template operator()<1>();
        }
        dots_bringing.template operator()<0>();
      });
  const Index left = K.cols() - done;
  if (left > 0) dots<S>(K.rightCols(left), query, E.bottomRows(left));
}

/// Adds the sum; other columns of `next` (d_v x m) are brought near. The bits are those of
/// `sum.add_from(0)`.
template <Scalar S>
EIGEN_ALWAYS_INLINE void add_weighted_before(const WeightedSum<S>& sum, ConstView<S> next,
                                             Bringing bringing) {
  constexpr int keys = detail::keys_in_turn;
  const Index done = detail::for_each_eight<S>(
      sum.V, next, [&]<int Keys>(Index t, const S* upcoming) ATTEND_INLINE_LAMBDA {
        const detail::WeightedColumns<Keys, S> columns(sum, t);
        const auto add_bringing = [&]<int First, int Last>() ATTEND_INLINE_LAMBDA {
          packet::for_each_lane<S>(sum.V.rows(), [&](auto lane) ATTEND_INLINE_LAMBDA {
            columns.add(lane);
            detail::bring_columns_near<First, Last>(upcoming, next.outerStride(), lane.i);
          });
        };
        if constexpr (Keys == keys) {
          if (bringing == Bringing::all) return add_bringing.template operator()<0, keys>();
          if (bringing == Bringing::few) return add_bringing.template operator()<1, 3>();
        }
        add_bringing.template operator()<keys - 5, keys>();
      });
  if (done < sum.V.cols()) sum.add_from(done);
}

}  // namespace attend
