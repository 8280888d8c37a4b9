#pragma once

#include <cstddef>

/// Contract of the module `frame_pool`, version 1. Ours, never swapped.
///
/// Memory for coroutine frames. A frame lives from a call to its task's end, so a program that
/// spawns makes and frees frames of a few sizes all the time: a free list for each size makes that
/// a matter of a few loads and stores.
///
/// Invariants (lesson 07):
///   F1  A frame's memory is aligned to 16 bytes, has at least the bytes that were asked for, and
///       is nobody else's until it is freed.
///   F2  Sizes that round up to the same multiple of 16 are one class. The block that a thread
///       freed last is the next one it gets of that class: its cache lines are still warm.
///   F3  A free list is one thread's. A block goes to the thread that frees it, whoever made it.
///       No lock and no atomic on the way: for a size that the compiler knows, an allocation and
///       its free take at most 20 instructions, and at least 20 fewer than malloc() and free().
///   F4  Memory is taken from the system in slabs, where no free block of the class is left, and
///       never given back: the pool stays at its high-water mark.
///   F5  What a thread leaves behind when it ends serves the other threads.
///   F6  A frame larger than pooled_frame_bytes_max comes from operator new, and goes back to it.
///
/// Under AddressSanitizer and ThreadSanitizer, and where PERCORE_FRAMES_FROM_MALLOC is 1, every
/// frame comes from operator new: a frame used after its end is then seen.
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

inline constexpr int frame_pool_contract_version = 1;

/// Sizes are rounded up to a multiple of this, and every block begins at one.
inline constexpr std::size_t frame_granule_bytes = 16;
/// The largest frame that has a class.
inline constexpr std::size_t pooled_frame_bytes_max = 1'008;
/// What is taken from the system at once.
inline constexpr std::size_t frame_slab_bytes = 64 * 1024;

/// Of F3. A check counts both in one run, compiled with -O2: ours takes 12, the plain answer 11,
/// and malloc() and free() of glibc 2.36 take 135.
inline constexpr unsigned frame_pair_instructions_max = 20;
inline constexpr unsigned frame_pair_instructions_saved = 20;

/// What the module must offer. Thread: any.
///   void* allocate_frame(std::size_t size_bytes)
///       Memory for a frame; at least 1 byte. Throws std::bad_alloc.
///   void free_frame(void* frame, std::size_t size_bytes) noexcept
///       Gives back what allocate_frame(size_bytes) gave, on this thread or on another.

}  // namespace percore
