#pragma once

#include <cstddef>

/// Memory for coroutine frames. A frame lives from a call to its task's end, so a program that
/// spawns makes and frees frames of a few sizes all the time: a free list for each size turns both
/// into two loads and a store.
///
/// Invariants
///   F1  A block belongs to the free list of the thread that freed it last; no lock, no atomic.
///   F2  Memory taken from the system is never given back while the program runs: it stays at its
///   high-water mark, so a
///       frame freed on another thread than its own is no mistake, only memory that moved.
///   F3  When a thread ends, its free blocks go to a depot from which other threads refill.
///
/// Under AddressSanitizer, and where PERCORE_FRAMES_FROM_MALLOC is defined, every frame comes from
/// operator new: a frame used after its end is then seen.
#if !defined(PERCORE_FRAMES_FROM_MALLOC)
#if defined(__SANITIZE_ADDRESS__)
#define PERCORE_FRAMES_FROM_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PERCORE_FRAMES_FROM_MALLOC 1
#endif
#endif
#endif
#if !defined(PERCORE_FRAMES_FROM_MALLOC)
#define PERCORE_FRAMES_FROM_MALLOC 0
#endif

namespace percore {

namespace frame_pool_detail {

inline constexpr std::size_t granule_bytes = 16;
inline constexpr std::size_t classes =
    64;  // frames up to 1,008 bytes; larger ones come from operator new

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

}  // namespace frame_pool_detail

/// Memory for a frame of `size_bytes`, aligned to 16 bytes.
/// Throws   std::bad_alloc.
/// Thread   any; may be freed on another.
inline void* allocate_frame(std::size_t size_bytes) {
  using namespace frame_pool_detail;
  const std::size_t size_class = (size_bytes + granule_bytes - 1) / granule_bytes;
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_class >= classes) [[unlikely]]
    return allocate_large(size_bytes);
  FreeBlock* const block = pool.free[size_class];
  if (block == nullptr) [[unlikely]]
    return refill(size_class);
  pool.free[size_class] = block->next;
  return block;
}

/// Gives back what allocate_frame(size_bytes) gave.
inline void free_frame(void* frame, std::size_t size_bytes) noexcept {
  using namespace frame_pool_detail;
  const std::size_t size_class = (size_bytes + granule_bytes - 1) / granule_bytes;
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
