/// Softmax along the rows of tiles: queries stand in the lanes of packets.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include <attend/core/types.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/stored_weights.hpp>

namespace attend::inline ATTEND_ABI {

/// The online softmax (Milakov, Gimelshein 2018, arXiv 1805.02867) of as many rows as a tile has,
/// a multiple of the packet's width:
///
///     m' = max(m, e)     l' = l e^(m - m') + sum e^(e - m')     shrink = e^(m - m')
///
/// m is a reference near the largest energy, not the largest: it follows only where it would be
/// exceeded by more than `slack`, so that sums of before seldom have to shrink. A row's bits depend
/// on its own energies and on the tiles' bounds alone.
template <Scalar S>
class RunningSoftmax {
 public:
  /// `memory` (rows x 3) is overwritten: m, l and the last shrink of every row.
  explicit RunningSoftmax(View<S> memory) : memory_(memory) {
    memory_.col(0).setConstant(-std::numeric_limits<S>::infinity());
    memory_.rightCols(2).setZero();
  }

  /// Weights beside m are e^slack at most.
  static constexpr S slack = 8;

  /// E (rows x n) becomes e^(e - m'). True if some row's m grew, so that sums of before have to
  /// shrink.
  bool accumulate(View<S> E) {
    constexpr Index w = packet::width<S>;
    constexpr int together = static_cast<int>(packet::panel_packets);
    bool grew = false;
    Index i = 0;
    for (; i + together * w <= E.rows(); i += together * w) {
      grew = accumulate_packets<together>(i, E) || grew;
    }
    for (; i < E.rows(); i += w) grew = accumulate_packets<1>(i, E) || grew;
    return grew;
  }

  [[nodiscard]] S shrink(Index i) const { return memory_(i, 2); }
  [[nodiscard]] S sum(Index i) const { return memory_(i, 1); }
  [[nodiscard]] bool sees(Index i) const { return sum(i) > S{0} || std::isnan(sum(i)); }
  /// log sum e^e, and infinity for a row that saw nothing, so that its weights are e^-inf = 0.
  [[nodiscard]] S normaliser(Index i) const {
    return sees(i) ? memory_(i, 0) + std::log(sum(i)) : std::numeric_limits<S>::infinity();
  }

 private:
  /// Rows i and on, along the columns: neighbours in memory are read one after another.
  template <int Packets>
  bool accumulate_packets(Index i, View<S> E) {
    using P = packet::Packet<S>;
    constexpr Index w = packet::width<S>;
    S* const m = memory_.col(0).data() + i;
    S* const l = memory_.col(1).data() + i;
    P peaks[Packets];
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) peaks[p] = packet::load<S>(m + p * w);
    const S* energies = E.data() + i;
    for (Index t = 0; t < E.cols(); ++t, energies += E.outerStride()) {
#pragma GCC unroll 4
      for (int p = 0; p < Packets; ++p)
        peaks[p] = packet::pmax(peaks[p], packet::load<S>(energies + p * w));
    }
    P shifts[Packets];
    P totals[Packets];
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) {
      const P before = packet::load<S>(m + p * w);
      const P limit = packet::padd(before, packet::fill<S>(slack));
      peaks[p] = packet::where_less(limit, peaks[p], peaks[p], before);
      shifts[p] = finite(peaks[p]);
      totals[p] = packet::fill<S>(0);
    }
    S* e = E.data() + i;
    for (Index t = 0; t < E.cols(); ++t, e += E.outerStride()) {
#pragma GCC unroll 4
      for (int p = 0; p < Packets; ++p) {
        const P weight =
            packet::exp_of_softmax(P(packet::psub(packet::load<S>(e + p * w), shifts[p])));
        packet::store(e + p * w, weight);
        totals[p] = packet::padd(totals[p], weight);
      }
    }
    P least = packet::fill<S>(1);
#pragma GCC unroll 4
    for (int p = 0; p < Packets; ++p) {
      const P shrink =
          packet::exp_of_softmax(P(packet::psub(packet::load<S>(m + p * w), shifts[p])));
      packet::store(m + p * w, peaks[p]);
      packet::store(memory_.col(2).data() + i + p * w, shrink);
      packet::store(l + p * w, packet::multiply_add(packet::load<S>(l + p * w), shrink, totals[p]));
      least = packet::pmin(least, shrink);
    }
    return packet::smallest(least) < S{1};
  }

  /// Where nothing was seen yet, e^(-inf - 0) is 0 and e^(-inf + inf) would be NaN.
  static packet::Packet<S> finite(const packet::Packet<S>& peak) {
    return packet::zero_where_equal(peak, peak,
                                    packet::fill<S>(-std::numeric_limits<S>::infinity()));
  }

  View<S> memory_;
};

/// p = e^(e - normaliser), de = p (dp - mean), and 0 where p is 0 whatever dp is. `known` (rows x
/// 2) holds a row's normaliser and mean = sum_t p_t dp_t; E (rows x n) becomes P, D from dP to dE.
/// Rows are a multiple of the packet's width.
template <Scalar S>
void softmax_rows_backward(ConstView<std::type_identity_t<S>> known,
                           View<std::type_identity_t<S>> E, View<std::type_identity_t<S>> D) {
  constexpr Index w = packet::width<S>;
  const auto zero = packet::fill<S>(0);
  for (Index i = 0; i < E.rows(); i += w) {
    const auto normaliser = packet::load<S>(known.col(0).data() + i);
    const auto mean = packet::load<S>(known.col(1).data() + i);
    for (Index t = 0; t < E.cols(); ++t) {
      S* const e = E.data() + i + t * E.outerStride();
      S* const d = D.data() + i + t * D.outerStride();
      const auto p = packet::exp_of_softmax(packet::psub(packet::load<S>(e), normaliser));
      const auto de = packet::pmul(p, packet::psub(packet::load<S>(d), mean));
      packet::store(e, p);
      packet::store(d, packet::zero_where_equal(de, p, zero));
    }
  }
}

}  // namespace attend
