/// The order in which a product reads its weights.
#pragma once

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI {

/// Where a product begins to read its weights. A step that reads them there and the next one back
/// finds in the cache what the one before read last; the bits are the same.
enum class Sweep : bool { there, back };

namespace detail {

/// Calls f(0) to f(count - 1), or back.
template <class F>
EIGEN_ALWAYS_INLINE void for_each_index(Index count, Sweep sweep, F&& f) {
  for (Index i = 0; i < count; ++i) f(sweep == Sweep::there ? i : count - 1 - i);
}

}  // namespace detail

}  // namespace attend
