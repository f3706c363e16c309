/// Counts what this program allocates, Eigen's memory too. It replaces malloc where glibc lets it
/// be replaced; elsewhere tests that count are skipped. Weak, so that several source files of a
/// program may include it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace reference {
inline std::atomic<long> allocations{0};
inline std::atomic<std::size_t> largest{0};

inline void count(std::size_t size) {
  ++allocations;
  if (size > largest) largest = size;
}
}  // namespace reference

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ATTEND_TEST_COUNTS_ALLOCATIONS 1

extern "C" {
void* __libc_malloc(std::size_t size);                // NOLINT
void* __libc_realloc(void* block, std::size_t size);  // NOLINT

[[gnu::weak]] void* malloc(std::size_t size) {  // NOLINT(misc-definitions-in-headers): see above
  reference::count(size);
  return __libc_malloc(size);
}
[[gnu::weak]] void* realloc(void* block, std::size_t size) {  // NOLINT(misc-definitions-in-headers)
  reference::count(size);
  return __libc_realloc(block, size);
}
}
#else
#define ATTEND_TEST_COUNTS_ALLOCATIONS 0
#endif

namespace reference {

/// How often f() allocates.
template <class F>
long allocations_in(F&& f) {
  const long before = allocations;
  f();
  return allocations - before;
}

/// The bytes of the largest block that f() allocates.
template <class F>
std::size_t largest_allocation_in(F&& f) {
  largest = 0;
  f();
  return largest;
}

}  // namespace reference
