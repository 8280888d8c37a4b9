// Shows the run queue to the debugger. Compiled against whichever executor the program has, and
// linked only into programs that are stepped through.

#include <percore/executor.hpp>
#include <percore/sim.hpp>

namespace percore::check {

namespace {

// A template: only there is the body of a branch that is not taken never looked at. The contract
// asks a learner for no such function: where it is missing, the order is not shown.
template <typename Queue>
std::size_t coroutines_in(const Queue& queue, void** out, std::size_t most) noexcept {
  if constexpr (requires { queue.for_each([](std::coroutine_handle<>) {}); }) {
    std::size_t count = 0;
    queue.for_each([&](std::coroutine_handle<> coroutine) {
      if (count < most) out[count++] = coroutine.address();
    });
    return count;
  } else {
    return sim::QUEUE_HIDDEN;
  }
}

std::size_t queue_of_this_thread(void** out, std::size_t most) noexcept {
  if (Executor::current_or_null() == nullptr) return sim::QUEUE_HIDDEN;
  return coroutines_in(*Runnable::of(nullptr).queue, out, most);
}

[[maybe_unused]] const bool registered = (sim::set_queue_view(queue_of_this_thread), true);

}  // namespace

}  // namespace percore::check
