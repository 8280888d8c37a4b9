// Memory that is given back loses its history: whoever gets it next has it anew, and the allocator
// sees to the order. Under AddressSanitizer freed memory is kept back for long, and the allocator
// is the sanitizer's.

#include "engine.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define PERCORE_EXPLORE_OWN_DELETE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PERCORE_EXPLORE_OWN_DELETE 0
#endif
#endif
#ifndef PERCORE_EXPLORE_OWN_DELETE
#define PERCORE_EXPLORE_OWN_DELETE 1
#endif

#if PERCORE_EXPLORE_OWN_DELETE

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

void* allocate(std::size_t bytes, std::size_t alignment) {
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t))
    memory = std::malloc(bytes == 0 ? 1 : bytes);
  else if (posix_memalign(&memory, alignment, bytes) != 0)
    memory = nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  if (percore::explore::exploring())
    percore::explore::engine()->forget(memory, malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(bytes, 1);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}

#endif
