// 07.5 frame_pool, all steps together, compiled as every other check is: frames from operator new.

#include <percore/check.hpp>
#include <percore/frame_pool.hpp>

using percore::check::live_allocations;
using percore::check::require;

static_assert(PERCORE_FRAMES_FROM_MALLOC == 1);

PERCORE_CHECK("threads", a_sanitizer_sees_every_frame, "F6",
              "where PERCORE_FRAMES_FROM_MALLOC is 1 every frame comes from operator new",
              "Lesson 07, *Frames from a free list*", .seeds = 1, .ring = false) {
  for (const std::size_t size : {1U, 16U, 176U, 1008U, 1009U}) {
    for (unsigned round = 0; round < 2; ++round) {
      const std::int64_t before = live_allocations();
      void* const frame = percore::allocate_frame(size);
      require(live_allocations() == before + 1,
              "a frame of {} bytes was made with {} allocations: a sanitizer would not see its end",
              size, live_allocations() - before);
      percore::free_frame(frame, size);
      require(live_allocations() == before,
              "a frame of {} bytes was freed and kept: a sanitizer would not see its end", size);
    }
  }
}
