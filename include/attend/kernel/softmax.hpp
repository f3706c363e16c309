/// The passes of a softmax over one column.
#pragma once

#include <cmath>
#include <limits>

#include <attend/core/types.hpp>
#include <attend/kernel/packet.hpp>

namespace attend::inline ATTEND_ABI {

/// The largest of n numbers; minus infinity of none.
template <Scalar S>
[[nodiscard]] S largest(Index n, const S* x) {
  constexpr S lowest = -std::numeric_limits<S>::infinity();
  auto peak = packet::fill<S>(lowest);
  packet::for_each_lane<S>(
      n, [&](auto lane) { peak = packet::pmax(peak, lane.inside(lane.load(x), lowest)); });
  return packet::largest(peak);
}

/// x becomes e^(x - shift); returns the sum, in one order wherever x stands.
template <Scalar S>
S exponentials(Index n, S* x, S shift) {
  const auto by = packet::fill<S>(shift);
  auto total = packet::fill<S>(0);
  packet::for_each_lane<S>(n, [&](auto lane) {
    const auto p = packet::exp(packet::psub(lane.load(x), by));
    lane.store(x, p);
    total = packet::padd(total, lane.inside(p, 0));
  });
  return packet::sum(total);
}

/// log sum_i e^(x_i), in one order wherever x stands.
template <Scalar S>
[[nodiscard]] S log_sum_exp(Index n, const S* x) {
  const S peak = largest(n, x);
  const auto by = packet::fill<S>(peak);
  auto total = packet::fill<S>(0);
  packet::for_each_lane<S>(n, [&](auto lane) {
    total = packet::padd(total, lane.inside(packet::exp(packet::psub(lane.load(x), by)), 0));
  });
  return peak + std::log(packet::sum(total));
}

}  // namespace attend
