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

/// E(t, u) = sum_i K(i, t) A(i, u) for a tile that fits the registers: the first Keys columns of K
/// and Queries of A. The fewer ones are held, the others pass. `beside(lane)` does something else
/// beside each lane of features.
template <int Keys, int Queries, Scalar S, class Beside>
EIGEN_ALWAYS_INLINE void dots_tile(const ConstView<S>& K, const ConstView<S>& A, View<S> E,
                                   Beside&& beside) {
  using P = packet::Packet<S>;
  constexpr bool keys_pass = Keys > Queries;
  constexpr int held_columns = std::min(Keys, Queries);
  constexpr int passing_columns = std::max(Keys, Queries);
  const S* const held_data = (keys_pass ? A : K).data();
  const S* const passing_data = (keys_pass ? K : A).data();
  const Index held_stride = (keys_pass ? A : K).outerStride();
  const Index passing_stride = (keys_pass ? K : A).outerStride();
  P sums[Queries][Keys];
#pragma GCC unroll 6
  for (auto& of_query : sums) {
#pragma GCC unroll 16
    for (P& sum : of_query) sum = packet::fill<S>(0);
  }
  packet::for_each_lane<S>(K.rows(), [&](auto lane) ATTEND_INLINE_LAMBDA {
    beside(lane);
    P held[held_columns];
#pragma GCC unroll 8
    for (int i = 0; i < held_columns; ++i) {
      held[i] = packet::loaded_once<passing_columns>(lane.load(held_data + i * held_stride));
    }
#pragma GCC unroll 16
    for (int j = 0; j < passing_columns; ++j) {
      const P passing =
          packet::loaded_once<held_columns>(lane.load(passing_data + j * passing_stride));
#pragma GCC unroll 8
      for (int i = 0; i < held_columns; ++i) {
        P& sum = keys_pass ? sums[i][j] : sums[j][i];
        sum = held_columns == 1 ? packet::multiply_add_once(passing, held[i], sum)
                                : packet::multiply_add(held[i], passing, sum);
      }
    }
  });
#pragma GCC unroll 6
  for (int u = 0; u < Queries; ++u) packet::sums<Keys>(sums[u], E.data() + u * E.outerStride());
}

/// Keys of a tile. With one query eight chains hide the latency of multiply-adds; with several,
/// four keys, or as many as leave registers for what is held and what passes.
constexpr int keys_of_tile(int queries) {
  if (queries == 1) return 8;
  constexpr int all = static_cast<int>(EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS);
  int keys = 4;
  while (queries * keys + std::min(queries, keys) + 1 > all) --keys;
  return keys;
}
/// Queries of a tile at most.
inline constexpr int tile_queries = 6;

/// `far`: the keys come from beyond the second-level cache.
template <int Queries, Scalar S>
void dots_columns(ConstView<S> K, ConstView<S> A, View<S> E, bool far) {
  constexpr int keys = keys_of_tile(Queries);
  // One query's last keys go together as far as they can: alone, each would be a single chain.
  for_each_part<keys, Queries == 1 ? 2 : keys>(K.cols(), [&]<int Keys>(
                                                             Index t) ATTEND_INLINE_LAMBDA {
    const Index stride = K.outerStride();
    const S* const next = K.data() + (t + Keys) * stride;
    const bool brings = brings_near<Queries> && far && t + 2 * Keys <= K.cols();
    const auto bring_next_near = [&](auto lane) ATTEND_INLINE_LAMBDA {
      if (!brings) return;
#pragma GCC unroll 8
      for (int k = 0; k < Keys; ++k) packet::bring_near(next + k * stride + lane.i);
    };
    dots_tile<Keys, Queries, S>(K.middleCols(t, Keys), A, E.middleRows(t, Keys), bring_next_near);
  });
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
      const Index queries = tiles.size(i);
      detail::with_count<detail::tile_queries, 1>(queries, [&]<int Queries>() {
        detail::dots_columns<Queries, S>(keys, A.middleCols(u, queries),
                                         E.block(t, u, keys.cols(), queries), far && i == 0);
      });
    }
  }
}

}  // namespace attend
