#pragma once

#include <cstddef>
#include <new>
#include <percore/contract/frame_pool.hpp>

namespace percore {

namespace frame_pool_detail {

inline constexpr std::size_t classes = pooled_frame_bytes_max / frame_granule_bytes + 1;

/// A free block is its own link: it needs no memory but itself.
struct FreeBlock {
  FreeBlock* next;
};

/// What a thread has free.
struct ThreadPool {
  FreeBlock* free[classes];
  bool watched;  // its lists go to the depot when the thread ends
};

// constinit and without a destructor: else each access would ask first whether it has been made.
extern constinit thread_local ThreadPool pool;

void* refill(std::size_t size_class);
void watch_thread_end();

inline std::size_t class_of(std::size_t size_bytes) {
  return (size_bytes + frame_granule_bytes - 1) / frame_granule_bytes;
}

}  // namespace frame_pool_detail

/// Memory for a frame of `size_bytes`, aligned to 16 bytes. See contract/frame_pool.hpp.
/// Throws   std::bad_alloc.
/// Thread   any; may be freed on another.
inline void* allocate_frame(std::size_t size_bytes) {
  using namespace frame_pool_detail;
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_bytes > pooled_frame_bytes_max)
    return ::operator new(size_bytes);
  const std::size_t size_class = class_of(size_bytes);
  FreeBlock* const block = pool.free[size_class];
  if (block == nullptr) return refill(size_class);
  pool.free[size_class] = block->next;
  return block;
}

/// Gives back what allocate_frame(size_bytes) gave.
inline void free_frame(void* frame, std::size_t size_bytes) noexcept {
  using namespace frame_pool_detail;
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_bytes > pooled_frame_bytes_max)
    return ::operator delete(frame, size_bytes);
  const std::size_t size_class = class_of(size_bytes);
  auto* const block = static_cast<FreeBlock*>(frame);
  block->next = pool.free[size_class];
  pool.free[size_class] = block;
  if (!pool.watched) watch_thread_end();
}

}  // namespace percore
