/// Products of int8 weights, summed up in integers.
///
/// With w = s q and x = t p, p of 16 bits: y = y + (sum q p) (s t). The columns of X are rounded to
/// 16 bits, 512 rows at a time, with a scale t = max |x| / 32767 each: an error of up to t/2 an
/// element beside the weights' s/2. Integer sums have no order, so a column gives the same bits
/// alone and in any batch. Where a column is not finite, its results are NaN.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <attend/core/types.hpp>
#include <attend/kernel/deal.hpp>
#include <attend/kernel/int8_lanes.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/panel_matrix.hpp>
#include <attend/kernel/product_tile.hpp>
#include <attend/kernel/sweep.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Rows of X that have one scale, and for which the sums are exact.
inline constexpr Index short_rows = 512;
/// Columns of X that are rounded at a time, on the stack.
inline constexpr Index short_columns = 48;

/// max |x| of n numbers; NaN unless all are finite.
template <Scalar S>
[[nodiscard]] S largest_magnitude(Index n, const S* x) {
  const auto zero = packet::fill<S>(0);
  auto largest = zero;
  auto finite = zero;
  packet::for_each_lane<S>(n, [&](auto lane) ATTEND_INLINE_LAMBDA {
    const auto v = lane.load(x);
    largest = packet::pmax(largest, packet::pmax(v, packet::psub(zero, v)));
    finite = packet::multiply_add(v, zero, finite);
  });
  const S sum = packet::sum(finite);
  return sum == S{0} ? packet::largest(largest) : sum;
}

/// n numbers as pairs of 16-bit numbers, the last one with a zero; returns their scale.
template <Scalar S>
S round_to_short(Index n, const S* x, ShortPair* pairs) {
  using Bits = std::conditional_t<sizeof(S) == 4, std::uint32_t, std::uint64_t>;
  // Added to a number it leaves the nearest integer in the lowest bits.
  constexpr S magic = S{3} * static_cast<S>(Bits{1} << (std::numeric_limits<S>::digits - 2));
  const S largest = largest_magnitude(n, x);
  const auto by = packet::fill<S>(largest > S{0} ? S{32767} / largest : S{0});
  const auto shift = packet::fill<S>(magic);
  alignas(64) S rounded[short_rows];
  packet::for_each_lane<S>(n, [&](auto lane) ATTEND_INLINE_LAMBDA {
    lane.store(rounded, packet::multiply_add(lane.load(x), by, shift));
  });
  if (n % 2 != 0) rounded[n] = magic;
  for (Index i = 0; i < (n + 1) / 2; ++i) {
    pairs[i] = to_short_pair(static_cast<std::int16_t>(std::bit_cast<Bits>(rounded[2 * i])),
                             static_cast<std::int16_t>(std::bit_cast<Bits>(rounded[2 * i + 1])));
  }
  return largest / S{32767};
}

/// Columns of X in 16 bits, each with its scale.
template <Scalar S>
struct ShortColumns {
  const ShortPair* pairs;
  Index stride;
  const S* scales;
};

/// Panels of int8 weights as a tile reads them.
template <Scalar S>
struct Int8Panels {
  const std::int8_t* q;
  Index panel_stride;
  const S* scales;
};

/// C (Panels panels, Columns) += s t sum q p over `pairs` pairs of columns of weights; sums stay in
/// registers. All rows of C count.
template <int Panels, int Columns, Scalar S>
void int8_tile(Index pairs, const Int8Panels<S>& a, const ShortColumns<S>& x,
               const ProductBlock<S>& c) {
  using Lanes = Int8Lanes<S>;
  constexpr int packets = static_cast<int>(packet::panel_packets);
  constexpr Index w = packet::width<S>;
  typename Lanes::Sums sums[Columns][Panels][packets];
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 4
    for (int i = 0; i < Panels; ++i) {
#pragma GCC unroll 4
      for (int p = 0; p < packets; ++p) sums[j][i][p] = Lanes::zero();
    }
  }
  const std::int8_t* q = a.q;
  const Index panel_stride = a.panel_stride;
  const ShortPair* x_pairs = x.pairs;
  const Index x_stride = x.stride;
  for (Index k = 0; k < pairs; ++k, q += 2 * packet::panel_rows<S>, ++x_pairs) {
#pragma GCC unroll 4
    for (int i = 0; i < Panels; ++i) {
      typename Lanes::Weights weights[packets];
#pragma GCC unroll 4
      for (int p = 0; p < packets; ++p) weights[p] = Lanes::load(q + i * panel_stride + p * 2 * w);
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        const typename Lanes::Pair pair = Lanes::fill(x_pairs[j * x_stride]);
#pragma GCC unroll 4
        for (int p = 0; p < packets; ++p) {
          sums[j][i][p] = Lanes::add(weights[p], pair, sums[j][i][p]);
        }
      }
    }
  }
  const S* from = c.first();
  S* out = c.data;
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j, from += c.first_stride(), out += c.stride) {
    const auto t = packet::fill<S>(x.scales[j]);
#pragma GCC unroll 4
    for (int i = 0; i < Panels; ++i) {
#pragma GCC unroll 4
      for (int p = 0; p < packets; ++p) {
        const Index row = (i * packets + p) * w;
        const auto scale = packet::pmul(packet::load(a.scales + row), t);
        packet::store<S>(out + row, packet::multiply_add(Lanes::numbers(sums[j][i][p]), scale,
                                                         packet::load(from + row)));
      }
    }
  }
}

template <Scalar S>
using Int8Tile = void (*)(Index, const Int8Panels<S>&, const ShortColumns<S>&,
                          const ProductBlock<S>&);

template <Scalar S, int... More>
constexpr auto int8_tiles_of_columns(std::integer_sequence<int, More...> /*more*/) {
  return std::array<Int8Tile<S>, sizeof...(More)>{&int8_tile<1, More + 1, S>...};
}
template <Scalar S, int... More>
constexpr auto int8_tiles_of_panels(std::integer_sequence<int, More...> /*more*/) {
  return std::array<Int8Tile<S>, sizeof...(More)>{&int8_tile<More + 1, 1, S>...};
}

/// The tile of one panel, or of one column and up to `most_panels` panels.
template <Scalar S>
Int8Tile<S> int8_tile_for(Index panels, Index columns) {
  static constexpr auto wide =
      int8_tiles_of_columns<S>(std::make_integer_sequence<int, static_cast<int>(tile_columns)>{});
  static constexpr auto high =
      int8_tiles_of_panels<S>(std::make_integer_sequence<int, most_panels<std::int8_t>(1)>{});
  return columns == 1 ? high[static_cast<std::size_t>(panels - 1)]
                      : wide[static_cast<std::size_t>(columns - 1)];
}

/// Adds columns [k, k + 2 pairs) of W times n columns in 16 bits to what the block begins with.
template <Scalar S>
void int8_block(const PanelView<S, std::int8_t>& W, Index k, Index pairs, const ShortColumns<S>& x,
                Index n, const ProductBlock<S>& out, Sweep sweep) {
  constexpr Index height = packet::panel_rows<S>;
  const Deal rows((W.rows + height - 1) / height, n == 1 ? most_panels<std::int8_t>(1) : 1);
  const Deal columns(n, tile_columns);
  for_each_index(rows.parts, sweep, [&](Index r) {
    const Index p = rows.begin(r);
    const Index i = p * height;
    const Int8Panels<S> a{W.data + p * W.panel_stride + k * height, W.panel_stride, W.scales + i};
    for (Index t = 0; t < columns.parts; ++t) {
      const Index j = columns.begin(t);
      const Int8Tile<S> tile = int8_tile_for<S>(rows.size(r), columns.size(t));
      const ShortColumns<S> x_part{x.pairs + j * x.stride, x.stride, x.scales + j};
      const Index whole = rows.size(r) * height;
      out.part(i, std::min(whole, W.rows - i), j)
          .with_rows(whole, columns.size(t),
                     [&](const ProductBlock<S>& c) { tile(pairs, a, x_part, c); });
    }
  });
}

/// Adds W X to what Y begins with. W (m x k), X (k x n), Y (m x n).
template <Scalar S>
void int8_times(const PanelView<S, std::int8_t>& W, ConstView<S> X, View<S> Y, Sweep sweep,
                Beginning<S> begins) {
  alignas(64) ShortPair pairs[short_columns * short_rows / 2];
  S scales[short_columns];
  const Deal blocks(X.cols(), short_columns);
  for (Index b = 0; b < blocks.parts; ++b) {
    const Index first = blocks.begin(b);
    const Index n = blocks.size(b);
    ProductBlock<S> out{Y.data() + first * Y.outerStride(), Y.outerStride(), W.rows, begins};
    for (Index k = 0; k == 0 || k < W.cols; k += short_rows, out.begins.fresh = false) {
      const Index rows = std::min(short_rows, W.cols - k);
      for (Index j = 0; j < n; ++j) {
        scales[j] = round_to_short(rows, X.data() + (first + j) * X.outerStride() + k,
                                   pairs + j * short_rows / 2);
      }
      int8_block<S>(W, k, (rows + 1) / 2, {pairs, short_rows / 2, scales}, n, out, sweep);
    }
  }
}

}  // namespace attend::inline ATTEND_ABI::detail
