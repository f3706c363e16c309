/// Inner products of columns with columns.
#pragma once

#include <algorithm>

#include <attend/core/error.hpp>
#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// E(t, u) = sum_i K(i, t) A(i, u) for a tile that fits the registers.
template <int Keys, int Queries, Scalar S>
inline void dots_tile(Index d, const S* K, Index K_stride, const S* A, Index A_stride, S* E,
                      Index E_stride) {
  using P = packet::Packet<S>;
  P sums[Queries][Keys];
#pragma GCC unroll 4
  for (int u = 0; u < Queries; ++u) {
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) sums[u][t] = packet::fill<S>(0);
  }
  packet::for_each_lane<S>(d, [&](auto lane) {
    P key[Keys];
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) key[t] = lane.load(K + t * K_stride);
#pragma GCC unroll 4
    for (int u = 0; u < Queries; ++u) {
      const P query = lane.load(A + u * A_stride);
#pragma GCC unroll 8
      for (int t = 0; t < Keys; ++t) {
        sums[u][t] = packet::multiply_add(key[t], query, sums[u][t]);
      }
    }
  });
#pragma GCC unroll 4
  for (int u = 0; u < Queries; ++u) {
#pragma GCC unroll 8
    for (int t = 0; t < Keys; ++t) E[u * E_stride + t] = packet::sum(sums[u][t]);
  }
}

/// Keys of a tile: with one query eight chains hide the latency of multiply-adds; with several, the
/// sums, the keys and a query fill the registers.
template <int Queries>
inline constexpr int tile_keys = Queries == 1                                   ? 8
                                 : EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS >= 32 ? 4
                                                                                : 2;

template <int Queries, Scalar S>
void dots_columns(ConstView<S> K, const S* A, Index A_stride, S* E, Index E_stride) {
  constexpr int keys = tile_keys<Queries>;
  Index t = 0;
  for (; t + keys <= K.cols(); t += keys) {
    dots_tile<keys, Queries, S>(K.rows(), K.data() + t * K.outerStride(), K.outerStride(), A,
                                A_stride, E + t, E_stride);
  }
  for (; t < K.cols(); ++t) {
    dots_tile<1, Queries, S>(K.rows(), K.data() + t * K.outerStride(), K.outerStride(), A, A_stride,
                             E + t, E_stride);
  }
}

}  // namespace detail

/// a'b of n numbers, in one order wherever they stand; error as that of dots.
template <Scalar S>
[[nodiscard]] S inner_product(Index n, const S* a, const S* b) {
  auto sum = packet::fill<S>(0);
  packet::for_each_lane<S>(
      n, [&](auto lane) { sum = packet::multiply_add(lane.load(a), lane.load(b), sum); });
  return packet::sum(sum);
}

/// E = K' A. K (d x n), A (d x U); overwrites E (n x U). The bits of an element depend on its two
/// columns alone; error below (d / width + 5) x epsilon x sum |k_i a_i|. Allocates nothing. Throws
/// ShapeError.
template <Scalar S>
void dots(ConstView<std::type_identity_t<S>> K, ConstView<std::type_identity_t<S>> A, View<S> E) {
  check_shape("dots", "A", A, K.rows(), A.cols());
  check_shape("dots", "E", E, K.cols(), A.cols());
  constexpr int queries = 4;
  Index u = 0;
  const auto column = [](const auto& m, Index j) { return m.data() + j * m.outerStride(); };
  S* out = E.data();
  for (; u + queries <= A.cols(); u += queries) {
    detail::dots_columns<queries, S>(K, column(A, u), A.outerStride(), out + u * E.outerStride(),
                                     E.outerStride());
  }
  for (; u < A.cols(); ++u) {
    detail::dots_columns<1, S>(K, column(A, u), A.outerStride(), out + u * E.outerStride(),
                               E.outerStride());
  }
}

}  // namespace attend
