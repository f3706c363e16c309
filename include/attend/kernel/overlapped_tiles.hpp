/// One query's energies of a tile, made while the tile before is summed up.
#pragma once

#include <algorithm>

#include <attend/core/types.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/weighted_sum.hpp>

namespace attend::inline ATTEND_ABI {

/// e = K'q and c += V a at once. K (d x n), q (d), e (n); V (d x m). The bits are
/// those of `dots` and `add_weighted_columns`. One loop reads both: what K waits for memory, V
/// computes from the first-level cache.
template <Scalar S>
EIGEN_ALWAYS_INLINE void dots_beside_sum(ConstView<S> K, const S* q, S* e,
                                         const WeightedSum<S>& sum) {
  constexpr int keys = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 8 : 4;
  const ConstView<S> query(q, K.rows(), 1, K.rows());
  const Index both = std::min(K.cols(), sum.V.cols()) / keys * keys;
  for (Index t = 0; t < both; t += keys) {
    const detail::WeightedColumns<keys, S> columns(sum, t);
    detail::dots_tile<keys, 1, S>(K.middleCols(t, keys), query, View<S>(e + t, keys, 1, keys),
                                  [&](auto lane) ATTEND_INLINE_LAMBDA { columns.add(lane); });
  }
  const Index keys_left = K.cols() - both;
  if (keys_left == 0 && both == sum.V.cols()) return;
  dots<S>(K.rightCols(keys_left), query, View<S>(e + both, keys_left, 1, keys_left));
  sum.add_from(both);
}

}  // namespace attend
