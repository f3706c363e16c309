/// Softmax along the rows of tiles: queries stand in the lanes of packets.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// The online softmax (Milakov, Gimelshein 2018, arXiv 1805.02867) of as many rows as a tile has,
/// a multiple of the packet's width:
///
///     m' = max(m, e)     l' = l e^(m - m') + sum e^(e - m')     shrink = e^(m - m')
///
/// A row's bits depend on its own energies and on the tiles' bounds alone.
template <Scalar S>
class RunningSoftmax {
 public:
  /// `memory` (rows x 3) is overwritten: m, l and the last shrink of every row.
  explicit RunningSoftmax(View<S> memory) : memory_(memory) {
    memory_.col(0).setConstant(-std::numeric_limits<S>::infinity());
    memory_.rightCols(2).setZero();
  }

  /// E (rows x n) becomes e^(e - m'). True if some row's m grew, so that sums of before have to
  /// shrink.
  bool accumulate(View<S> E) {
    constexpr Index w = packet::width<S>;
    bool grew = false;
    for (Index i = 0; i < E.rows(); i += w) grew = accumulate_packet(i, E) || grew;
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
  bool accumulate_packet(Index i, View<S> E) {
    constexpr S lowest = -std::numeric_limits<S>::infinity();
    const Index stride = E.outerStride();
    S* const e = E.data() + i;
    S* const m = memory_.col(0).data() + i;
    S* const l = memory_.col(1).data() + i;
    const auto before = packet::load<S>(m);
    const auto energy = [&](Index t) { return packet::load<S>(e + t * stride); };
    // Four chains, or each would wait for the one before.
    auto peak = before;
    auto second = before;
    auto third = before;
    auto fourth = before;
    Index next = 0;
    for (; next + 4 <= E.cols(); next += 4) {
      peak = packet::pmax(peak, energy(next));
      second = packet::pmax(second, energy(next + 1));
      third = packet::pmax(third, energy(next + 2));
      fourth = packet::pmax(fourth, energy(next + 3));
    }
    for (; next < E.cols(); ++next) peak = packet::pmax(peak, energy(next));
    peak = packet::pmax(packet::pmax(peak, second), packet::pmax(third, fourth));
    packet::store(m, peak);
    // Where nothing was seen yet, e^(-inf - 0) is 0 and e^(-inf + inf) would be NaN.
    const auto by = packet::zero_where_equal(peak, peak, packet::fill<S>(lowest));
    auto total = packet::fill<S>(0);
    for (Index t = 0; t < E.cols(); ++t) {
      const auto p = packet::exp(packet::psub(energy(t), by));
      packet::store(e + t * stride, p);
      total = packet::padd(total, p);
    }
    const auto shrink = packet::exp(packet::psub(before, by));
    packet::store(memory_.col(2).data() + i, shrink);
    packet::store(l, packet::multiply_add(packet::load<S>(l), shrink, total));
    return packet::smallest(shrink) < S{1};
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
      const auto p = packet::exp(packet::psub(packet::load<S>(e), normaliser));
      const auto de = packet::pmul(p, packet::psub(packet::load<S>(d), mean));
      packet::store(e, p);
      packet::store(d, packet::zero_where_equal(de, p, zero));
    }
  }
}

}  // namespace attend
