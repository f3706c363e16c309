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

/// Whether memory sends few lines while a tile in the caches computes, so that to ask for more
/// delays those that are read: 13 GB/s for a core of AMD's Zen 3, 30 to 50 of Zen 5.
[[nodiscard]] inline bool memory_is_slow() {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
  return __builtin_cpu_is("znver3") != 0 || __builtin_cpu_is("znver2") != 0 ||
         __builtin_cpu_is("znver1") != 0;
#else
  return false;
#endif
}

}  // namespace attend::inline ATTEND_ABI::detail
