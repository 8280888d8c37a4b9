// 07.5 frame_pool, step lists: the number that is to be reached.

#include <percore/check_instructions.hpp>

#include <cstdlib>

#include "frame_pool_support.hpp"

using namespace checks;

PERCORE_CHECK("lists", fewer_instructions_than_malloc, "F3",
              "an allocation and its free take at most 20 instructions, and 20 fewer than malloc() "
              "and free()",
              free_lists, .seeds = 1, .ring = false) {
  constexpr std::size_t size = 176;  // as of a small task
  const std::uint64_t pool = instructions_of([] {
    void* frame = allocate_frame(size);
    keep(frame);
    free_frame(frame, size);
  });
  const std::uint64_t system = instructions_of([] {
    void* block = std::malloc(size);
    keep(block);
    std::free(block);
  });
  require(pool <= percore::frame_pair_instructions_max,
          "allocate_frame({}) and free_frame() take {} instructions together, and {} are enough; "
          "malloc() and free() take {}",
          size, pool, percore::frame_pair_instructions_max, system);
  require(
      pool + percore::frame_pair_instructions_saved <= system,
      "allocate_frame({}) and free_frame() take {} instructions together, malloc() and free() {}: "
      "the difference is to be {} at least",
      size, pool, system, percore::frame_pair_instructions_saved);
}

PERCORE_CHECK("lists", no_atomic_on_the_way, "F3",
              "no lock and no atomic: a free list is one thread's", free_lists, .seeds = 1,
              .ring = false) {
  constexpr std::size_t size = 176;
  const std::uint64_t atomics = atomics_of([] {
    void* frame = allocate_frame(size);
    keep(frame);
    free_frame(frame, size);
  });
  require(
      atomics == 0,
      "allocate_frame({}) and free_frame() execute {} atomic instructions: each waits until all "
      "earlier stores are done, and nobody but this thread sees the list",
      size, atomics);
}
