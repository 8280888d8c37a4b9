// What a value costs with the learner's queue, beside ours. Shown after a pass.

#include <percore/check.hpp>
#include <percore/spsc_queue.hpp>

#include <cstdint>

using percore::SpscQueue;

PERCORE_MEASURE(a_value, "try_push and try_pop", 128) {
  SpscQueue<std::uint64_t> queue(128);
  run.count_from_here();
  for (std::uint64_t i = 0; i < 128; ++i) {
    std::uint64_t value = i;
    static_cast<void>(queue.try_push(value));
    static_cast<void>(queue.try_pop());
  }
  run.count_to_here();
}
PERCORE_MEASURE(a_value_of_many, "a value of 128 at once", 128) {
  SpscQueue<std::uint64_t> queue(128);
  run.count_from_here();
  for (std::uint64_t i = 0; i < 128; ++i) {
    std::uint64_t value = i;
    static_cast<void>(queue.stage(value));
  }
  queue.publish();
  while (queue.front() != nullptr) queue.pop();
  queue.release();
  run.count_to_here();
}
