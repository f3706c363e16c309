/// The passes of a softmax over one column.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include <attend/core/types.hpp>
#include <attend/kernel/dots.hpp>
#include <attend/kernel/elementary.hpp>
#include <attend/kernel/lanes.hpp>
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

/// x becomes s x.
template <Scalar S>
void multiply_by(S s, Index n, S* x) {
  const auto factor = packet::fill<S>(s);
  packet::for_each_lane<S>(n,
                           [&](auto lane) { lane.store(x, packet::pmul(lane.load(x), factor)); });
}

namespace detail {

/// sum_i e^(x_i - shift), in one order wherever x stands; each packet goes to `keep(lane, p)` too.
template <Scalar S, class Keep>
EIGEN_ALWAYS_INLINE S sum_of_exponentials(Index n, const S* x, S shift, Keep&& keep) {
  const auto by = packet::fill<S>(shift);
  auto total = packet::fill<S>(0);
  packet::for_each_lane<S>(n, [&](auto lane) ATTEND_INLINE_LAMBDA {
    const auto p = packet::exp_of_softmax(packet::psub(lane.load(x), by));
    keep(lane, p);
    total = packet::padd(total, lane.inside(p, 0));
  });
  return packet::sum(total);
}

template <Scalar S>
S sum_of_exponentials(Index n, const S* x, S shift) {
  return sum_of_exponentials<S>(n, x, shift, [](auto, const auto&) {});
}

}  // namespace detail

/// x becomes e^(x - shift); returns the sum, in one order wherever x stands.
template <Scalar S>
S exponentials(Index n, S* x, S shift) {
  return detail::sum_of_exponentials<S>(n, x, shift,
                                        [&](auto lane, const auto& p) { lane.store(x, p); });
}

/// The online softmax (Milakov, Gimelshein 2018, arXiv 1805.02867) of one query, tile by tile:
///
///     m' = max(m, e)     l' = l e^(m - m') + sum e^(e - m')     shrink = e^(m - m')
///
/// l is kept as a packet of sums. Where a tile does not raise m, and few do, its weights wait for
/// nothing but their energies.
template <Scalar S>
class OnlineSoftmax {
 public:
  /// Numbers that it lives in.
  static constexpr Index size = 1 + packet::width<S>;

  /// Goes on with what `memory` (size) holds.
  explicit OnlineSoftmax(S* memory) : memory_(memory) {}

  void begin() {
    memory_[0] = -std::numeric_limits<S>::infinity();
    std::fill_n(packet_of_sums(), packet::width<S>, S{0});
  }
  /// Whether no key was seen yet.
  [[nodiscard]] bool fresh() const { return memory_[0] == -std::numeric_limits<S>::infinity(); }

  /// E (n) becomes e^(e - m'). Where m grows, calls `shrink(e^(m - m'))` first, for sums of before.
  template <class Shrink>
  EIGEN_ALWAYS_INLINE void take(Index n, S* E, Shrink&& shrink) {
    const S peak = largest(n, E);
    if (peak > memory_[0]) [[unlikely]]
      grow(peak, shrink);
    if (fresh()) {
      std::fill_n(E, n, S{0});
      return;
    }
    const auto by = packet::fill<S>(memory_[0]);
    auto sums = packet::load<S>(packet_of_sums());
    packet::for_each_lane<S>(n, [&](auto lane) ATTEND_INLINE_LAMBDA {
      const auto p = packet::exp_of_softmax(packet::psub(lane.load(E), by));
      lane.store(E, p);
      sums = packet::padd(sums, lane.inside(p, 0));
    });
    packet::store(packet_of_sums(), sums);
  }

  [[nodiscard]] S sum() const { return packet::sum(packet::load<S>(packet_of_sums())); }
  /// log sum e^e of all tiles.
  [[nodiscard]] S normaliser() const { return memory_[0] + std::log(sum()); }

 private:
  [[nodiscard]] S* packet_of_sums() const { return memory_ + 1; }

  template <class Shrink>
  void grow(S peak, Shrink&& shrink) {
    const S before = std::exchange(memory_[0], peak);
    if (before == -std::numeric_limits<S>::infinity()) return;
    const S factor = std::exp(before - peak);
    packet::store(packet_of_sums(),
                  packet::pmul(packet::load<S>(packet_of_sums()), packet::fill<S>(factor)));
    shrink(factor);
  }

  S* memory_;
};

/// log sum_i e^(x_i), in one order wherever x stands.
template <Scalar S>
[[nodiscard]] S log_sum_exp(Index n, const S* x) {
  const S peak = largest(n, x);
  return peak + std::log(detail::sum_of_exponentials<S>(n, x, peak));
}

/// x becomes softmax(x); all zero where every number is minus infinity.
template <Scalar S>
void softmax(Index n, S* x) {
  const S peak = largest(n, x);
  if (peak == -std::numeric_limits<S>::infinity()) {
    std::fill_n(x, n, S{0});
    return;
  }
  multiply_by(S{1} / exponentials(n, x, peak), n, x);
}

/// a = softmax(x):  dx_i = a_i (da_i - s), s = sum_j a_j da_j, in place of da, by one who knows s.
template <Scalar S>
void softmax_backward(Index n, const S* a, std::type_identity_t<S> s, S* d) {
  const auto mean = packet::fill<S>(s);
  packet::for_each_lane<S>(n, [&](auto lane) {
    lane.store(d, packet::pmul(lane.load(a), packet::psub(lane.load(d), mean)));
  });
}

/// The same, which adds it up.
template <Scalar S>
void softmax_backward(Index n, const S* a, S* d) {
  softmax_backward<S>(n, a, inner_product<S>(n, a, d), d);
}

/// The same for a caller that kept x and not a.
template <Scalar S>
void softmax_backward_of_energies(Index n, const S* x, S* d) {
  const S normaliser = log_sum_exp(n, x);
  S mean = 0;
  for (Index i = 0; i < n; ++i) mean += std::exp(x[i] - normaliser) * d[i];
  for (Index i = 0; i < n; ++i) d[i] = std::exp(x[i] - normaliser) * (d[i] - mean);
}

}  // namespace attend
