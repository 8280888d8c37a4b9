// What a frame costs with the learner's pool, beside ours, and beside malloc. Shown after a pass.

#include <percore/check_instructions.hpp>

#include <cstdlib>
#include <percore/task.hpp>

#include "frame_pool_support.hpp"

using namespace checks;

namespace {

constexpr std::size_t size = 176;

percore::Task<int> number(int value) {
  co_return value;
}

}  // namespace

PERCORE_MEASURE(a_frame, "allocate_frame() and free_frame()", 100) {
  free_frame(allocate_frame(size), size);
  run.count_from_here();
  for (unsigned i = 0; i < 100; ++i) {
    void* frame = allocate_frame(size);
    keep(frame);
    free_frame(frame, size);
  }
  run.count_to_here();
}
PERCORE_MEASURE(malloc_and_free, "malloc() and free()", 100) {
  std::free(std::malloc(size));
  run.count_from_here();
  for (unsigned i = 0; i < 100; ++i) {
    void* block = std::malloc(size);
    keep(block);
    std::free(block);
  }
  run.count_to_here();
}
PERCORE_MEASURE(a_fresh_frame, "a frame in new memory", 100) {
  run.count_from_here();
  for (unsigned i = 0; i < 100; ++i) {
    void* frame = allocate_frame(size);
    keep(frame);
  }
  run.count_to_here();
}
PERCORE_MEASURE(a_task, "a task that is made and dropped", 100) {
  for (int i = 0; i < 2; ++i) number(i);
  run.count_from_here();
  for (int i = 0; i < 100; ++i) {
    percore::Task<int> task = number(i);
    percore::Task<int>* seen = &task;
    keep(seen);
  }
  run.count_to_here();
}
