/// The norm of a gradient, and clipping by it.
#pragma once

#include <cmath>
#include <numeric>
#include <vector>

#include <attend/kernel/lanes.hpp>
#include <attend/kernel/packet.hpp>
#include <attend/train/chunks.hpp>

namespace attend::inline ATTEND_ABI {

namespace detail {

/// Sums the squares of `value(lane, offset)` over [0, n) in a fixed order; four sums run side by
/// side, each over a quarter.
template <Scalar S, class Value>
[[nodiscard]] S sum_squares(Index n, const Value& value) {
  using packet::multiply_add;
  const Index quarter = n / (4 * packet::width<S>)*packet::width<S>;
  auto a = packet::fill<S>(0);
  auto b = a;
  auto c = a;
  auto d = a;
  const auto add_square = [](const auto& x, auto& sum) { sum = multiply_add(x, x, sum); };
  packet::for_each_lane<S>(quarter, [&](const auto& lane) {
    add_square(value(lane, Index{0}), a);
    add_square(value(lane, quarter), b);
    add_square(value(lane, 2 * quarter), c);
    add_square(value(lane, 3 * quarter), d);
  });
  packet::for_each_lane<S>(n - 4 * quarter,
                           [&](const auto& lane) { add_square(value(lane, 4 * quarter), a); });
  return packet::sum(packet::padd(packet::padd(a, b), packet::padd(c, d)));
}

/// The sum of squares of a chunk whose squares may be too large for S.
template <Scalar S>
[[nodiscard]] double sum_large_squares(Index n, const S* p) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(p[i]) * static_cast<double>(p[i]);
  return sum;
}

template <Scalar S>
[[nodiscard]] double chunk_squares(Index n, const S* p) {
  const S sum =
      sum_squares<S>(n, [p](const auto& lane, Index offset) { return lane.load(p + offset); });
  return std::isfinite(sum) ? static_cast<double>(sum) : sum_large_squares(n, p);
}

/// p += q, and the sum of squares of what p is then, in one pass.
template <Scalar S>
[[nodiscard]] double add_chunk_and_square(Index n, S* p, const S* q) {
  const S sum = sum_squares<S>(n, [p, q](const auto& lane, Index offset) {
    const auto x = packet::padd(lane.load(p + offset), lane.load(q + offset));
    lane.store(p + offset, x);
    return x;
  });
  return std::isfinite(sum) ? static_cast<double>(sum) : sum_large_squares(n, p);
}

}  // namespace detail

/// The Euclidean norm of all parameters together; the same bits for any number of threads. NaN or
/// infinite if a parameter is.
template <class M>
[[nodiscard]] double global_norm(const M& gradient, ThreadPool& pool) {
  std::vector<double> squares(static_cast<std::size_t>(chunk_count(gradient)));
  for_each_chunk(
      pool,
      [&squares](Index chunk, Index n, const auto* p) {
        squares[static_cast<std::size_t>(chunk)] = detail::chunk_squares(n, p);
      },
      gradient);
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

template <class M>
[[nodiscard]] double global_norm(const M& gradient) {
  ThreadPool inline_pool;
  return global_norm(gradient, inline_pool);
}

/// What a gradient is multiplied by so that its norm is at most `limit`: min(1, limit / norm)
/// (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063, algorithm 1). A limit of 0 clips nothing.
/// 1 for a norm that is not finite: no factor mends such a gradient.
[[nodiscard]] inline double clip_factor(double norm, double limit) {
  check_argument(limit >= 0, "clip_factor: limit is ", limit, ", expected 0 (none) or more");
  return limit > 0 && std::isfinite(norm) && norm > limit ? limit / norm : 1.0;
}

/// Scales the gradient to a norm of at most `limit` and returns the norm it had. If that is not
/// finite, the gradient stays as it is, and the caller decides.
template <class M>
double clip_by_global_norm(M& gradient, double limit, ThreadPool& pool) {
  const double norm = global_norm(gradient, pool);
  const double factor = clip_factor(norm, limit);
  if (factor == 1.0) return norm;
  for_each_chunk(
      pool,
      [factor]<class S>(Index, Index n, S* p) {
        const auto scale = packet::fill<S>(static_cast<S>(factor));
        packet::for_each_lane<S>(
            n, [&](const auto& lane) { lane.store(p, packet::pmul(lane.load(p), scale)); });
      },
      gradient);
  return norm;
}

template <class M>
double clip_by_global_norm(M& gradient, double limit) {
  ThreadPool inline_pool;
  return clip_by_global_norm(gradient, limit, inline_pool);
}

}  // namespace attend
