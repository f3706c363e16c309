/// The innermost loop of every product: a tile of the result that stays in the registers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <attend/core/types.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/stored_weights.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Columns of a product's tile: with the panel's height they fill the registers.
inline constexpr Index tile_columns = 6;
/// Panels that a tile of one or two columns takes at most: enough chains of multiply-adds to hide
/// their latency, and no more streams of weights than they need.
template <class Stored>
constexpr int most_panels(int columns) {
  if (columns == 2) return 2;
  if (packet::panel_packets == 2 || std::is_same_v<Stored, BFloat16Pair>) return 4;
  return std::is_same_v<Stored, std::int8_t> ? 2 : 3;
}

/// The left factor as a tile reads it: a column every `k_stride` elements, panels (if it takes
/// several) every `panel_stride`. `ahead`, if not null, is memory that will be read soon; each
/// column brings `bytes_ahead` of it near and goes on by `ahead_stride`.
template <Scalar S, class Stored>
struct LeftFactor {
  const Stored* data;
  Index k_stride;
  Index panel_stride;
  const char* ahead = nullptr;
  Index ahead_stride = 0;
};

/// The right factor as a tile reads it: element (k, j) is `data[k * k_stride + j * j_stride]`.
template <Scalar S>
struct RightFactor {
  const S* data;
  Index k_stride;
  Index j_stride;
};

/// What sums begin with where nothing is there yet and no bias is given, as high as any tile.
template <Scalar S>
inline constexpr std::array<S, static_cast<std::size_t>(4 * packet::panel_rows<S>)> no_bias{};

/// What the sums of a product begin with: what the result holds or, `fresh`, a bias, the same for
/// each column, or zero.
template <Scalar S>
struct Beginning {
  bool fresh = false;
  const S* bias = nullptr;
};

/// A block of the result, its columns `stride` apart; only the first `rows` of its rows count.
template <Scalar S>
struct ProductBlock {
  S* data;
  Index stride;
  Index rows;
  Beginning<S> begins = {};

  /// `count` rows from row i, columns from column j on.
  [[nodiscard]] ProductBlock part(Index i, Index count, Index j = 0) const {
    const S* bias = begins.bias == nullptr ? nullptr : begins.bias + i;
    return {data + i + j * stride, stride, count, {begins.fresh, bias}};
  }
  /// The first column of what the sums begin with, and from there to the next.
  [[nodiscard]] const S* first() const {
    return !begins.fresh ? data : begins.bias != nullptr ? begins.bias : no_bias<S>.data();
  }
  [[nodiscard]] Index first_stride() const { return begins.fresh ? 0 : stride; }

  /// Calls `tile` with a block of which all `height` rows count: this one or, where it has fewer,
  /// one that holds what it begins with and gives back the rows that count.
  template <class Tile>
  EIGEN_ALWAYS_INLINE void with_rows(Index height, Index columns, Tile&& tile) const {
    if (rows >= height) return tile(*this);
    through_whole_rows(height, columns, tile);
  }

 private:
  template <class Tile>
  void through_whole_rows(Index height, Index columns, Tile&& tile) const {
    constexpr Index w = packet::width<S>;
    alignas(64) S whole[tile_columns * packet::panel_rows<S>];
    const Index padding = (rows + w - 1) / w * w;
    for (Index j = 0; j < columns; ++j) {
      S* column = whole + j * height;
      packet::for_each_lane<S>(rows, [&](auto lane) {
        packet::store<S>(column + lane.i, lane.load(first() + j * first_stride()));
      });
      std::fill_n(column + padding, height - padding, S{0});
    }
    tile(ProductBlock{whole, height, height});
    for (Index j = 0; j < columns; ++j) {
      const S* column = whole + j * height;
      packet::for_each_lane<S>(rows, [&](auto lane) {
        lane.store(data + j * stride, packet::load<S>(column + lane.i));
      });
    }
  }
};

/// Bytes that a tile brings near for every column of its left factor.
template <Scalar S>
inline constexpr Index bytes_ahead = std::max<Index>(packet::panel_rows<S> * sizeof(S) / 2, 64);

/// `bytes_ahead` from `p`, into the second-level cache.
template <Scalar S>
EIGEN_ALWAYS_INLINE void bring_near(const char* p) {
#if defined(__GNUC__)
#pragma GCC unroll 4
  for (Index line = 0; line < bytes_ahead<S>; line += 64) __builtin_prefetch(p + line, 0, 2);
#else
  (void)p;
#endif
}

/// Whether a tile's weights come from beyond the second-level cache and are met once, so that it
/// brings them near itself, `columns_ahead` before it reads them.
enum class Streams : bool { no, yes };
inline constexpr Index columns_ahead = 8;

/// Columns that a streaming tile takes: with fewer it takes several panels, with more it computes
/// long enough.
inline constexpr Index least_streaming = 3;
inline constexpr Index most_streaming = 5;

/// A column of a panel, `ahead` elements behind `column`, into the first-level cache. It may lie
/// behind the last one.
template <Scalar S, class Stored>
EIGEN_ALWAYS_INLINE void bring_column_near(const Stored* column, Index ahead) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(Stored));
#pragma GCC unroll 4
  for (Index i = 0; i < packet::panel_column<S, Stored>; i += line) {
    packet::bring_near(column, ahead + i);
  }
}

/// C (Panels x Packets packets, Columns) += A (... x inner) B (inner x Columns), in registers. All
/// rows of C count. Factors are passed by reference: a struct copied into an argument is written in
/// words and read in vectors, and that waits until all that the tile before stored has reached the
/// cache.
template <int Panels, int Packets, int Columns, Scalar S, class Stored, Streams From = Streams::no>
inline void product_tile(Index inner, const LeftFactor<S, Stored>& a, const RightFactor<S>& b,
                         const ProductBlock<S>& c) {
  using P = packet::Packet<S>;
  constexpr Index w = packet::width<S>;
  static_assert(Panels * Packets * w <= static_cast<Index>(no_bias<S>.size()));
  const S* from = c.first();
  const Index from_stride = c.first_stride();
  P sums[Columns][Panels][Packets];
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j, from += from_stride) {
#pragma GCC unroll 4
    for (int q = 0; q < Panels; ++q) {
#pragma GCC unroll 4
      for (int p = 0; p < Packets; ++p)
        sums[j][q][p] = packet::load<S>(from + (q * Packets + p) * w);
    }
  }
  const Index left_stride = a.k_stride;
  const Index panel_stride = a.panel_stride;
  const Index k_stride = b.k_stride;
  const Index j_stride = b.j_stride;
  const Stored* left = a.data;
  const S* right = b.data;
  const char* ahead = a.ahead;
  const Index ahead_stride = a.ahead_stride;
  for (Index k = 0; k < inner; ++k, left += left_stride, right += k_stride) {
    if constexpr (From == Streams::yes) {
      bring_column_near<S>(left, columns_ahead * left_stride);
    } else if (Panels == 1 && ahead != nullptr) {
      bring_near<S>(ahead);
      ahead += ahead_stride;
    }
#pragma GCC unroll 4
    for (int q = 0; q < Panels; ++q) {
      P packets[Packets];
      load_column<Packets, S>(left + q * panel_stride, packets);
#pragma GCC unroll 4
      for (P& loaded : packets) loaded = packet::loaded_once<Columns>(loaded);
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        const P x = packet::fill<S>(right[j * j_stride]);
#pragma GCC unroll 4
        for (int p = 0; p < Packets; ++p)
          sums[j][q][p] = packet::multiply_add(packets[p], x, sums[j][q][p]);
      }
    }
  }
  S* out = c.data;
  const Index out_stride = c.stride;
#pragma GCC unroll 8
  for (int j = 0; j < Columns; ++j, out += out_stride) {
#pragma GCC unroll 4
    for (int q = 0; q < Panels; ++q) {
#pragma GCC unroll 4
      for (int p = 0; p < Packets; ++p)
        packet::store<S>(out + (q * Packets + p) * w, sums[j][q][p]);
    }
  }
}

template <Scalar S, class Stored>
using ProductTile = void (*)(Index, const LeftFactor<S, Stored>&, const RightFactor<S>&,
                             const ProductBlock<S>&);

template <Scalar S, int... Sizes>
constexpr auto product_tiles(std::integer_sequence<int, Sizes...> /*sizes*/) {
  constexpr int columns = static_cast<int>(tile_columns);
  return std::array<ProductTile<S, S>, sizeof...(Sizes)>{
      &product_tile<1, Sizes / columns + 1, Sizes % columns + 1, S, S>...};
}

/// The tile of one panel for a number of packets and columns that is known at run time.
template <Scalar S>
ProductTile<S, S> product_tile_for(Index packets, Index columns) {
  static constexpr auto tiles = product_tiles<S>(
      std::make_integer_sequence<int, static_cast<int>(packet::panel_packets * tile_columns)>{});
  return tiles[static_cast<std::size_t>((packets - 1) * tile_columns + columns - 1)];
}

template <Scalar S, class Stored, int... Columns>
constexpr auto whole_panel_tiles(std::integer_sequence<int, Columns...> /*columns*/) {
  return std::array<ProductTile<S, Stored>, sizeof...(Columns)>{
      &product_tile<1, static_cast<int>(packet::panel_packets), Columns + 1, S, Stored>...};
}

/// The tile of one panel; of reduced weights, whose padding is stored, always all of its packets.
template <Scalar S, class Stored>
ProductTile<S, Stored> tile_for(Index packets, Index columns) {
  if constexpr (std::is_same_v<S, Stored>) {
    return product_tile_for<S>(packets, columns);
  } else {
    static constexpr auto tiles = whole_panel_tiles<S, Stored>(
        std::make_integer_sequence<int, static_cast<int>(tile_columns)>{});
    return tiles[static_cast<std::size_t>(columns - 1)];
  }
}

template <Scalar S, class Stored, int... More>
constexpr auto streaming_tiles(std::integer_sequence<int, More...> /*more*/) {
  constexpr int least = static_cast<int>(least_streaming);
  return std::array<ProductTile<S, Stored>, sizeof...(More)>{
      &product_tile<1, static_cast<int>(packet::panel_packets), least + More, S, Stored,
                    Streams::yes>...};
}

/// The streaming tile of one whole panel and `least_streaming` to `most_streaming` columns.
template <Scalar S, class Stored>
ProductTile<S, Stored> streaming_tile_for(Index columns) {
  static constexpr auto tiles = streaming_tiles<S, Stored>(
      std::make_integer_sequence<int, static_cast<int>(most_streaming - least_streaming + 1)>{});
  return tiles[static_cast<std::size_t>(columns - least_streaming)];
}

template <Scalar S, class Stored, int Columns, int... Panels>
constexpr auto tiles_of_panels(std::integer_sequence<int, Panels...> /*panels*/) {
  return std::array<ProductTile<S, Stored>, sizeof...(Panels)>{
      &product_tile<Panels + 1, static_cast<int>(packet::panel_packets), Columns, S, Stored>...};
}

/// The tile of up to `most_panels(Columns)` panels.
template <int Columns, Scalar S, class Stored>
ProductTile<S, Stored> several_panels_tile_for(Index panels) {
  static constexpr auto tiles = tiles_of_panels<S, Stored, Columns>(
      std::make_integer_sequence<int, most_panels<Stored>(Columns)>{});
  return tiles[static_cast<std::size_t>(panels - 1)];
}

}  // namespace attend::inline ATTEND_ABI::detail
