/// Inner products of columns with columns.
#pragma once

#include <algorithm>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/deal.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Several queries compute while the next keys come; one waits for memory whatever it does.
template <int Queries>
inline constexpr bool brings_near = Queries > 1;
/// Keys of so many bytes are part of a memory that the second-level cache may not hold; of fewer,
/// bringing them near costs more than it saves.
inline constexpr Index keys_far = Index{1} << 17;
/// Bytes of keys that several tiles of queries meet while they are in the first-level cache.
inline constexpr Index keys_nearby = Index{1} << 15;

/// E(t, u) = sum_i K(i, t) A(i, u) for a tile that fits the registers. Brings near what lies
/// `ahead` of K if that is not 0.
template <int Keys, int Queries, Scalar S>
inline void dots_tile(Index d, const S* K, Index K_stride, const S* A, Index A_stride, S* E,
                      Index E_stride, Index ahead = 0) {
  using P = packet::Packet<S>;
  P sums[Queries * Keys];
#pragma GCC unroll 24
  for (int i = 0; i < Queries * Keys; ++i) sums[i] = packet::fill<S>(0);
  packet::for_each_lane<S>(d, [&](auto lane) ATTEND_INLINE_LAMBDA {
    P key[Keys];
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) {
      key[t] = packet::loaded_once<Queries, P>(lane.load(K + t * K_stride));
      if constexpr (brings_near<Queries>) packet::bring_near(K + t * K_stride + ahead + lane.i);
    }
#pragma GCC unroll 6
    for (int u = 0; u < Queries; ++u) {
      P query = lane.load(A + u * A_stride);
      packet::keep_in_register(query);
#pragma GCC unroll 8
      for (int t = 0; t < Keys; ++t) {
        sums[u * Keys + t] = packet::multiply_add(key[t], query, sums[u * Keys + t]);
      }
    }
  });
#pragma GCC unroll 6
  for (int u = 0; u < Queries; ++u) packet::sums<Keys>(sums + u * Keys, E + u * E_stride);
}

/// Keys of a tile: with one query eight chains hide the latency of multiply-adds; with several, the
/// sums, the keys and a query fill the registers.
template <int Queries>
inline constexpr int tile_keys = Queries == 1                                   ? 8
                                 : EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4
                                                                                : 2;
/// Queries of a tile at most.
inline constexpr int tile_queries = 6;

/// `far`: the keys come from beyond the second-level cache.
template <int Queries, Scalar S>
void dots_columns(ConstView<S> K, const S* A, Index A_stride, S* E, Index E_stride, bool far) {
  constexpr int keys = tile_keys<Queries>;
  // One query's last keys go together as far as they can: alone, each would be a single chain.
  for_each_part<keys, Queries == 1 ? 2 : keys>(
      K.cols(), [&]<int Keys>(Index t) ATTEND_INLINE_LAMBDA {
        const Index ahead = far && t + 2 * Keys <= K.cols() ? Keys * K.outerStride() : 0;
        dots_tile<Keys, Queries, S>(K.rows(), K.data() + t * K.outerStride(), K.outerStride(), A,
                                    A_stride, E + t, E_stride, ahead);
      });
}

/// `dots_columns` for a number of queries that is known at run time.
template <int Queries, Scalar S>
void dots_columns_of(Index queries, ConstView<S> K, const S* A, Index A_stride, S* E,
                     Index E_stride, bool far) {
  if (queries == Queries) {
    dots_columns<Queries, S>(K, A, A_stride, E, E_stride, far);
  } else if constexpr (Queries > 1) {
    dots_columns_of<Queries - 1, S>(queries, K, A, A_stride, E, E_stride, far);
  }
}

}  // namespace detail

/// a'b of n numbers, in one order wherever they stand; error as that of dots.
template <Scalar S>
[[nodiscard]] S inner_product(Index n, const S* a, const S* b) {
  auto sum = packet::fill<S>(0);
  packet::for_each_lane<S>(n, [&](auto lane) ATTEND_INLINE_LAMBDA {
    sum = packet::multiply_add(lane.load(a), lane.load(b), sum);
  });
  return packet::sum(sum);
}

/// E = K' A. K (d x n), A (d x U); overwrites E (n x U). The bits of an element depend on its two
/// columns alone; error below (d / width + 5) x epsilon x sum |k_i a_i|. Allocates nothing. Throws
/// ShapeError.
template <Scalar S>
void dots(ConstView<std::type_identity_t<S>> K, ConstView<std::type_identity_t<S>> A, View<S> E) {
  check_shape("dots", "A", A, K.rows(), A.cols());
  check_shape("dots", "E", E, K.cols(), A.cols());
  const detail::Deal tiles(A.cols(), detail::tile_queries);
  const Index key_bytes = std::max(K.rows(), Index{1}) * static_cast<Index>(sizeof(S));
  const bool far = K.cols() * key_bytes >= detail::keys_far;
  const Index block =
      tiles.parts > 1 ? std::max(detail::keys_nearby / key_bytes / 8 * 8, Index{8}) : K.cols();
  for (Index t = 0; t < K.cols(); t += block) {
    const ConstView<S> keys = K.middleCols(t, std::min(block, K.cols() - t));
    for (Index i = 0; i < tiles.parts; ++i) {
      const Index u = tiles.begin(i);
      detail::dots_columns_of<detail::tile_queries, S>(
          tiles.size(i), keys, A.data() + u * A.outerStride(), A.outerStride(),
          E.data() + t + u * E.outerStride(), E.outerStride(), far && i == 0);
    }
  }
}

}  // namespace attend
