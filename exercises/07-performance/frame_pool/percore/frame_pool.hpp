#pragma once

#include <cstddef>
#include <new>
#include <percore/contract/frame_pool.hpp>

// Memory for coroutine frames, in three steps. The contract, <percore/contract/frame_pool.hpp>, has
// the invariants F1 to F6: keep it open beside this.
//
// - Step "lists" (F1, F2, F3, F6): a free list for each class of sizes, and few instructions.
// - Step "slabs" (F4): new memory, many blocks at a time (in frame_pool.cpp).
// - Step "threads" (F3, F5): frames that end on another thread, and threads that end.

namespace percore {

namespace frame_pool_detail {

/// Class 1 has sizes up to 16 bytes, class 2 up to 32, and so on. Class 0 stays empty.
inline constexpr std::size_t classes = pooled_frame_bytes_max / frame_granule_bytes + 1;

/// A free block is its own link: it needs no memory but itself.
struct FreeBlock {
  FreeBlock* next;
};

/// What a thread has free.
struct ThreadPool {
  FreeBlock* free[classes];
  bool watched;  // step threads: its lists go somewhere when the thread ends
};

// constinit and without a destructor: else each access would ask first whether it has been made.
extern constinit thread_local ThreadPool pool;

/// A block of a class of which this thread has none.
void* refill(std::size_t size_class);
/// Sees to it that the lists of this thread are not lost when it ends.
void watch_thread_end();

inline std::size_t class_of(std::size_t size_bytes) {
  // TODO lists (F2)
  return size_bytes / frame_granule_bytes;
}

}  // namespace frame_pool_detail

/// Memory for a frame of `size_bytes`, aligned to 16 bytes. See contract/frame_pool.hpp.
/// Throws   std::bad_alloc.
/// Thread   any; may be freed on another.
inline void* allocate_frame(std::size_t size_bytes) {
  using namespace frame_pool_detail;
  // Done (F6). Under a sanitizer every frame comes from operator new, so that it sees its end.
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_bytes > pooled_frame_bytes_max)
    return ::operator new(size_bytes);
  // TODO lists (F2, F3): the newest block of the class's list, or one from refill().
  return ::operator new(size_bytes);
}

/// Gives back what allocate_frame(size_bytes) gave.
inline void free_frame(void* frame, std::size_t size_bytes) noexcept {
  using namespace frame_pool_detail;
  if (PERCORE_FRAMES_FROM_MALLOC != 0 || size_bytes > pooled_frame_bytes_max)
    return ::operator delete(frame, size_bytes);
  // TODO lists (F2, F3): in front of its class's list.
  // TODO threads (F5): from now on this thread has something that must not be lost with it.
  ::operator delete(frame, size_bytes);
}

}  // namespace percore
