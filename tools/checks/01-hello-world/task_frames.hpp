#pragma once

#include <cstddef>
#include <cstdlib>
#include <percore/check.hpp>
#include <percore/frame_pool.hpp>

// Watches the memory of frames: included before <percore/task.hpp>, it stands between the task and
// the frame pool. A frame that is freed stays readable, so that a second destroy() reaches
// free_frame() and is told for what it is instead of crashing on the way. Under AddressSanitizer
// the memory is the pool's own, as it sees more.
namespace checks {

struct FrameCounts {
  int made = 0;
  int freed = 0;
};
inline FrameCounts frame_counts;

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool freed_frames_stay = false;
#elif defined(__has_feature)
inline constexpr bool freed_frames_stay = !__has_feature(address_sanitizer);
#else
inline constexpr bool freed_frames_stay = true;
#endif

/// Stands before each frame whose memory stays.
struct alignas(16) FrameHead {
  void* counted;  // a block of the pool as large as the frame, so that the counts are right
  bool freed;
};

}  // namespace checks

namespace percore {

inline void* watched_allocate_frame(std::size_t size_bytes) {
  ++checks::frame_counts.made;
  void* const block = allocate_frame(size_bytes);
  if constexpr (!checks::freed_frames_stay) return block;
  auto* const head =
      static_cast<checks::FrameHead*>(std::malloc(sizeof(checks::FrameHead) + size_bytes));
  *head = {.counted = block, .freed = false};
  return head + 1;
}

inline void watched_free_frame(void* frame, std::size_t size_bytes) noexcept {
  ++checks::frame_counts.freed;
  if constexpr (!checks::freed_frames_stay) return free_frame(frame, size_bytes);
  checks::FrameHead& head = static_cast<checks::FrameHead*>(frame)[-1];
  if (head.freed) {
    check::fail_with("T3", "Lesson 01, *The frame's life*",
                     "a frame was freed twice: destroy() was called for a task that is gone");
  }
  head.freed = true;
  free_frame(head.counted, size_bytes);
}

}  // namespace percore

#define allocate_frame watched_allocate_frame
#define free_frame watched_free_frame
#include <percore/task.hpp>
#undef allocate_frame
#undef free_frame
