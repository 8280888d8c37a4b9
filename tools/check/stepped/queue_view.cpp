// Shows the run queue to the debugger. Compiled against whichever executor the program has, and
// linked only into programs that are stepped through.

#include <percore/executor.hpp>
#include <percore/sim.hpp>

namespace percore::check {

namespace {

std::size_t queue_of_this_thread(void** out, std::size_t most) noexcept {
  if (Executor::current_or_null() == nullptr) return sim::QUEUE_HIDDEN;
  RunQueue& queue = *Runnable::of(nullptr).queue;
  std::size_t count = 0;
  // The contract asks a learner for no such thing: where it is missing, the order is not shown.
  if constexpr (requires { queue.for_each([](std::coroutine_handle<>) {}); }) {
    queue.for_each([&](std::coroutine_handle<> coroutine) {
      if (count < most) out[count++] = coroutine.address();
    });
    return count;
  } else {
    return sim::QUEUE_HIDDEN;
  }
}

[[maybe_unused]] const bool registered = (sim::set_queue_view(queue_of_this_thread), true);

}  // namespace

}  // namespace percore::check
