/// A model's storage in fixed pieces, so that what is done to each number can be split over
/// threads.
#pragma once

#include <algorithm>

#include <attend/core/error.hpp>
#include <attend/core/parameters.hpp>
#include <attend/train/parallel.hpp>

namespace attend::inline ATTEND_ABI {

/// The numbers of a piece, at most: a piece of a model, its gradient and its moments stay together
/// in the first-level or second-level cache.
inline constexpr Index chunk_size = 4096;

namespace detail {

[[nodiscard]] inline Index chunks_in(Index size) { return (size + chunk_size - 1) / chunk_size; }

}  // namespace detail

/// How many chunks `for_each_chunk` makes of a model. No chunk spans two parameters.
template <class M>
[[nodiscard]] Index chunk_count(const M& model) {
  Index count = 0;
  for_each_leaf([&count](const auto& p) { count += detail::chunks_in(p.size()); }, model);
  return count;
}

/// Calls `f(chunk, size, p, q...)` for every chunk of `model`: its number, how many numbers it has,
/// and where they begin in the model and in each of the others. The threads of `pool` share the
/// chunks; where a chunk begins does not depend on them. Throws ShapeError if the models differ.
template <class F, class M, class... Others>
void for_each_chunk(ThreadPool& pool, const F& f, M& model, Others&... others) {
  const Index chunks = chunk_count(model);
  const Index parts = std::min<Index>(pool.threads(), chunks);
  pool.run(parts, [&](Index part) {
    const Index first = chunks * part / parts;
    const Index last = chunks * (part + 1) / parts;
    Index base = 0;
    const auto visit = [&](auto& p, auto&... q) {
      (check_size("for_each_chunk", "the storage of a parameter", q.size(), p.size()), ...);
      const Index end = base + detail::chunks_in(p.size());
      for (Index chunk = std::max(first, base); chunk < std::min(last, end); ++chunk) {
        const Index begin = (chunk - base) * chunk_size;
        f(chunk, std::min(chunk_size, p.size() - begin), p.data() + begin, (q.data() + begin)...);
      }
      base = end;
    };
    for_each_leaf(visit, model, others...);
  });
}

}  // namespace attend
