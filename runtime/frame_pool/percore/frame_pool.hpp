#pragma once

#include <cstddef>
#include <percore/contract/frame_pool.hpp>

namespace percore {

namespace frame_pool_detail {

inline constexpr std::size_t classes = pooled_frame_bytes_max / frame_granule_bytes + 1;

struct FreeBlock {
  FreeBlock* next;
};

struct ThreadPool {
  FreeBlock* free[classes];
  std::byte* fresh;  // the part of the newest slab that has never been handed out
  std::byte* fresh_end;
  bool leaves_to_depot;  // the thread's end has been arranged for
};

// No destructor, so that the compiler reaches it without a guard; arrange_for_thread_end() makes up
// for that.
extern constinit thread_local ThreadPool pool;

void* refill(std::size_t size_class);
void arrange_for_thread_end();
void* allocate_large(std::size_t size_bytes);
void free_large(void* frame, std::size_t size_bytes) noexcept;

inline std::size_t class_of(std::size_t size_bytes) {
  return (size_bytes + frame_granule_bytes - 1) / frame_granule_bytes;
}

}  // namespace frame_pool_detail

/// Memory for a frame of `size_bytes`, aligned to 16 bytes. See contract/frame_pool.hpp.
/// Requires  at least 1 byte: a coroutine's frame has two pointers.
/// Throws   std::bad_alloc.
/// Memory   the caller's, until free_frame(). Thread   any; may be freed on another.
/// Source   the C++ standard asks the promise for a frame's memory ([dcl.fct.def.coroutine]).
inline void* allocate_frame(std::size_t size_bytes) {
  using namespace frame_pool_detail;
  const std::size_t size_class = class_of(size_bytes);
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_class >= classes) [[unlikely]]
    return allocate_large(size_bytes);
  FreeBlock* const block = pool.free[size_class];
  if (block == nullptr) [[unlikely]]
    return refill(size_class);
  pool.free[size_class] = block->next;
  return block;
}

/// Gives back what allocate_frame(size_bytes) gave, to this thread's list (F3).
/// Requires  the same size, once. Thread   any.
inline void free_frame(void* frame, std::size_t size_bytes) noexcept {
  using namespace frame_pool_detail;
  const std::size_t size_class = class_of(size_bytes);
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_class >= classes) [[unlikely]]
    return free_large(frame, size_bytes);
  auto* const block = static_cast<FreeBlock*>(frame);
  block->next = pool.free[size_class];
  pool.free[size_class] = block;
  // A thread may only ever free: its first block finds an empty list. Last, so that it is a jump
  // and no call.
  if (block->next == nullptr) [[unlikely]]
    if (!pool.leaves_to_depot) arrange_for_thread_end();
}

}  // namespace percore
