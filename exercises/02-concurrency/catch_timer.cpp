#include <cstdint>
#include <percore/check.hpp>
#include <percore/sim.hpp>
#include <percore/timer.hpp>
#include <vector>

// Exercise 02.8, kind: catch. Your checks are linked with our timers, which must pass all of them,
// and with timers that each have one thing wrong, which at least one check must reject.
//
//   run.size(low, high), run.random(bound), run.chance(percent)   drawn from the seed
//   percore::now()                      the simulated clock: it moves when the executor sleeps
//   percore::sim::advance(nanoseconds)  and when you say so: a task that computes
//   percore::sim::counts()              .enters .submitted .sleeps: what the kernel saw
//   percore::check::require(held, "sentence with the numbers {}", number)
//
// A TimerQueue can be tried without an executor: arm(), cancel(), fire_due(Time{...}).

namespace {

/// A timer that writes its number down. More ideas: one that cancels another, one that arms itself
/// again.
struct Noted : percore::Timer {
  Noted()
      : Timer([](percore::Timer& self) noexcept {
          order.push_back(static_cast<Noted&>(self).number);
        }) {}
  int number = 0;
  static inline std::vector<int> order;
};

percore::Task<> sleeps_once() {
  const auto slept = co_await percore::sleep_for(percore::Time{1'000});
  percore::check::require(slept.has_value(), "a sleep of 1 us gave an error");
}

}  // namespace

PERCORE_CHECK("", one_timer_fires, "D2", "no timer is lost", "Lesson 02, *The queue of timers*",
              .ring = false) {
  Noted::order.clear();
  percore::TimerQueue queue;
  Noted timer;
  timer.number = 7;
  queue.arm(timer, percore::Time{100});
  queue.fire_due(percore::Time{200});
  percore::check::require(Noted::order == std::vector<int>{7}, "one timer fired {} times",
                          Noted::order.size());
}

PERCORE_CHECK("", one_task_sleeps, "D4", "a sleep ends", "Lesson 02, *The deadline*",
              .faults = false) {
  percore::Executor executor;
  executor.run(sleeps_once());
}

// TODO: one timer, and one sleep, go well with all of them. Write checks for D1 to D7.
