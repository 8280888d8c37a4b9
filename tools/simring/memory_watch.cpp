// Replaces the global operator new and delete, so that the simulation sees memory go while the
// kernel has it, and can count allocations. An object of its own: only programs that link it are
// watched.

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "percore/sim.hpp"

namespace {

void* watched(void* block, std::size_t size) {
  if (block == nullptr) throw std::bad_alloc();
  if (percore::sim::allocation_fails()) {
    std::free(block);
    throw std::bad_alloc();
  }
  percore::sim::memory_allocated(block, size);
  return block;
}

void release(void* block) noexcept {
  if (block == nullptr) return;
  percore::sim::memory_freed(block, malloc_usable_size(block));
  std::free(block);
}

std::size_t at_least_one(std::size_t size) {
  return size == 0 ? 1 : size;
}

void* allocate_aligned(std::size_t size, std::align_val_t alignment) {
  const auto bytes = static_cast<std::size_t>(alignment);
  return watched(std::aligned_alloc(bytes, (at_least_one(size) + bytes - 1) / bytes * bytes), size);
}

template <typename New>
void* watched_or_null(New take) noexcept {
  try {
    return take();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void* operator new(std::size_t size) {
  return watched(std::malloc(at_least_one(size)), size);
}
void* operator new[](std::size_t size) {
  return watched(std::malloc(at_least_one(size)), size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_aligned(size, alignment);
}

// A sanitizer brings these of its own, which would not meet our operator delete.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return watched_or_null([size] { return operator new(size); });
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return watched_or_null([size] { return operator new[](size); });
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return watched_or_null([=] { return operator new(size, alignment); });
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return watched_or_null([=] { return operator new[](size, alignment); });
}

void operator delete(void* block) noexcept {
  release(block);
}
void operator delete[](void* block) noexcept {
  release(block);
}
void operator delete(void* block, std::size_t) noexcept {
  release(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  release(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  release(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
  release(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  release(block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  release(block);
}

void operator delete(void* block, const std::nothrow_t&) noexcept {
  release(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  release(block);
}
