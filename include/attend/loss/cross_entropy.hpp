/// Softmax and cross-entropy, a tile of columns at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include <attend/core/buffer.hpp>
#include <attend/core/error.hpp>
#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/kernel/softmax.hpp>
#include <attend/loss/loss.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// The mean of l, in one order wherever it stands: Eigen's own sum follows the address.
template <Scalar S>
[[nodiscard]] S mean(Index n, const S* l) {
  auto total = packet::fill<S>(0);
  packet::for_each_lane<S>(n, [&](auto lane) { total = packet::padd(total, lane.load(l)); });
  return packet::sum(total) / static_cast<S>(n);
}

/// sum_v q_v l_v of the smoothed target; throws where there is no such word.
template <Scalar S>
[[nodiscard]] S expected_logit(Index V, const S* l, Token target, S epsilon) {
  check_argument(target >= 0 && target < V, "cross_entropy: target ", target,
                 " is outside the vocabulary of ", V, " words");
  const S picked = (S{1} - epsilon) * l[target];
  return epsilon > S{0} ? picked + epsilon * mean<S>(V, l) : picked;
}

}  // namespace detail

/// Cross-entropy of one column against q = (1 - epsilon) onehot(target) + epsilon / V (label
/// smoothing: Szegedy et al. 2016, arXiv 1512.00567, section 7):
///
///     -sum_v q_v log p_v = logsumexp(l) - (1 - epsilon) l_target - epsilon mean(l)
///
/// l (V logits). In nats. Throws std::invalid_argument for a target outside the vocabulary.
template <Scalar S>
[[nodiscard]] S cross_entropy(Index V, const S* l, Token target, S epsilon) {
  const S expected = detail::expected_logit<S>(V, l, target, epsilon);
  return log_sum_exp<S>(V, l) - expected;
}

/// loss = -sum_v q_v log p_v:  dl_v = scale (p_v - q_v), in place of l, where scale is not 0.
/// Returns the loss, to the bit what cross_entropy does; the exponentials of the one are those of
/// the other.
template <Scalar S>
[[nodiscard]] S cross_entropy_in_place(Index V, S* l, Token target, S epsilon, S scale) {
  if (scale == S{0}) return cross_entropy<S>(V, l, target, epsilon);
  const S expected = detail::expected_logit<S>(V, l, target, epsilon);
  const S peak = largest(V, l);
  const S sum = exponentials(V, l, peak);
  const auto factor = packet::fill<S>(scale / sum);
  const auto smooth = packet::fill<S>(scale * epsilon / static_cast<S>(V));
  packet::for_each_lane<S>(V, [&](auto lane) {
    lane.store(l, packet::psub(packet::pmul(lane.load(l), factor), smooth));
  });
  l[target] -= scale * (S{1} - epsilon);
  return peak + std::log(sum) - expected;
}

/// Columns whose logits live at one time, at most: memory does not grow with vocabulary times
/// tokens.
inline constexpr Index cross_entropy_tile = 96;

/// The loss of readouts R (d_r x N). `logits(R_tile, L_tile)` overwrites a tile of logits (V x n);
/// `column_loss(column, l)` returns that of one column's logits and, where scale is not 0, puts
/// scale times its gradient in their place; `backward(first, n, dL_tile)` is called with it then.
/// Nats, summed over the columns.
template <Scalar S, class Logits, class ColumnLoss, class Backward>
Loss tiled_loss(Index V, ConstView<std::type_identity_t<S>> R, S scale, Buffer<S>& tile,
                Logits&& logits, ColumnLoss&& column_loss, Backward&& backward) {
  const Index N = R.cols();
  Loss loss{0, N};
  const Index tiles = (N + cross_entropy_tile - 1) / cross_entropy_tile;
  for (Index first = 0, i = 0, n = 0; i < tiles; first += n, ++i) {
    n = (N - first + tiles - i - 1) / (tiles - i);
    View<S> L = tile.resize(V, n);
    logits(ConstView<S>(R.middleCols(first, n)), L);
    for (Index j = 0; j < n; ++j) {
      loss.nats += static_cast<double>(column_loss(first + j, L.data() + j * V));
    }
    if (scale != S{0}) backward(first, n, L);
  }
  return loss;
}

/// The same with the cross-entropy of targets (N).
template <Scalar S, class Logits, class Backward>
Loss tiled_cross_entropy(Index V, ConstView<std::type_identity_t<S>> R,
                         std::span<const Token> targets, S epsilon, S scale, Buffer<S>& tile,
                         Logits&& logits, Backward&& backward) {
  check_size("tiled_cross_entropy", "columns of R", R.cols(), static_cast<Index>(targets.size()));
  return tiled_loss<S>(
      V, R, scale, tile, logits,
      [&](Index column, S* l) {
        return cross_entropy_in_place<S>(V, l, targets[static_cast<std::size_t>(column)], epsilon,
                                         scale);
      },
      backward);
}

}  // namespace attend
