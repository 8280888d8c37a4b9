// What timers cost with the learner's module, beside ours. Shown after a pass.

#include <percore/timer.hpp>

#include "support.hpp"

using namespace checks;

namespace {

struct Quiet : percore::Timer {
  Quiet() : Timer([](Timer&) noexcept {}) {}
};

constexpr std::size_t others = 1'000;

/// `others` armed timers, 100 more at hand, and random deadlines.
struct Many {
  explicit Many(percore::check::Run& its_run) : run(its_run) {
    for (std::size_t i = 0; i < others; ++i) queue.arm(timers[i], deadline());
  }
  ~Many() {
    for (std::size_t i = 0; i < others + 100; ++i) queue.cancel(timers[i]);
  }
  Time deadline() { return Time{static_cast<std::int64_t>(1 + run.random(1'000'000'000))}; }
  percore::check::Run& run;
  percore::TimerQueue queue;
  std::unique_ptr<Quiet[]> timers = std::make_unique<Quiet[]>(others + 100);
};

Task<> sleeps(percore::check::Run& run) {
  static_cast<void>(co_await percore::sleep_for(us(10)));
  run.count_from_here();
  for (int i = 0; i < 100; ++i) static_cast<void>(co_await percore::sleep_for(ms(1)));
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(an_arming, "arming, among 1000", 100) {
  Many many(run);
  std::vector<Time> deadlines;
  for (int i = 0; i < 100; ++i) deadlines.push_back(many.deadline());
  run.count_from_here();
  for (std::size_t i = 0; i < 100; ++i) many.queue.arm(many.timers[others + i], deadlines[i]);
  run.count_to_here();
}
PERCORE_MEASURE(a_cancel, "cancelling, among 1000", 100) {
  Many many(run);
  for (std::size_t i = 0; i < 100; ++i) many.queue.arm(many.timers[others + i], many.deadline());
  run.count_from_here();
  for (std::size_t i = 0; i < 100; ++i) many.queue.cancel(many.timers[others + i]);
  run.count_to_here();
}
PERCORE_MEASURE(a_firing, "firing, of 1000", 1'000) {
  Many many(run);
  run.count_from_here();
  for (std::int64_t moment = 0; many.queue.size() != 0; moment += 10'000'000)
    many.queue.fire_due(Time{moment});
  run.count_to_here();
}
PERCORE_MEASURE(a_sleep, "a sleep of 1 ms, alone", 100) {
  run_on_executor(sleeps(run));
}
