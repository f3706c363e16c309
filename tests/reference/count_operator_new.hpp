/// Counts what a program allocates through operator new, in every form, so that no block is freed
/// by another allocator's hand. One source file of a program includes it.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace reference {

// Not inlined, or gcc sees malloc meet delete and warns.
inline std::atomic<int> news{0};

[[gnu::noinline]] inline void* count_and_allocate(std::size_t size) noexcept {
  ++news;
  return std::malloc(size == 0 ? 1 : size);
}

[[gnu::noinline]] inline void give_back(void* memory) noexcept { std::free(memory); }

[[gnu::noinline]] inline void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace reference

// NOLINTBEGIN(misc-definitions-in-headers): meant, see above.
void* operator new(std::size_t size) {
  return reference::or_throw(reference::count_and_allocate(size));
}
void* operator new[](std::size_t size) {
  return reference::or_throw(reference::count_and_allocate(size));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return reference::count_and_allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return reference::count_and_allocate(size);
}
void operator delete(void* memory) noexcept { reference::give_back(memory); }
void operator delete[](void* memory) noexcept { reference::give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { reference::give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { reference::give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { reference::give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  reference::give_back(memory);
}
// NOLINTEND(misc-definitions-in-headers)
