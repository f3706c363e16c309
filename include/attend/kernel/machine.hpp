/// What machines of the same instructions do differently.
#pragma once

#include <attend/core/types.hpp>

namespace attend::inline ATTEND_ABI::detail {

/// Whether this core fetches well by itself what it reads in order, eight columns side by side,
/// too; what is brought into its second-level cache then only stands in the way. It is so of AMD's
/// (Zen 5), and not of Intel's (Emerald Rapids). Chooses between loops of the same bits.
[[nodiscard]] inline bool fetches_in_order() {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

}  // namespace attend::inline ATTEND_ABI::detail
