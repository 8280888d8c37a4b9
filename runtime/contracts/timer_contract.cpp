// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/timer.hpp>
#include <percore/timer.hpp>

#include <type_traits>

namespace percore {

static_assert(TimerQueueContract<TimerQueue, Timer>,
              "TimerQueue does not offer what the layers above need: see contract/timer.hpp");
static_assert(!std::is_copy_constructible_v<Timer> && !std::is_move_constructible_v<Timer>,
              "a Timer must not be copied or moved: the queue points to it");
static_assert(std::is_same_v<decltype(sleep_for(Time{}).await_resume()), Result<void>>,
              "co_await sleep_for() gives Result<void>: a sleep can be cancelled");

}  // namespace percore
