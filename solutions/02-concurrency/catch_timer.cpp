#include <algorithm>
#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/sim.hpp>
#include <percore/timer.hpp>
#include <utility>
#include <vector>

using percore::now;
using percore::Task;
using percore::Time;
using percore::Timer;
using percore::TimerQueue;
using percore::check::require;

namespace {

constexpr const char* the_queue = "Lesson 02, *The queue of timers*";
constexpr const char* the_deadline = "Lesson 02, *The deadline*";

/// Writes its number down, and when the queue was told; may cancel another one.
struct Noted : Timer {
  Noted() : Timer(&Noted::fired) {}
  static void fired(Timer& self) noexcept {
    auto& timer = static_cast<Noted&>(self);
    order.push_back(timer.number);
    if (timer.victim != nullptr) queue->cancel(*timer.victim);
    if (timer.again) queue->arm(timer, Time{});
  }
  int number = 0;
  Noted* victim = nullptr;
  bool again = false;
  static inline std::vector<int> order;
  static inline TimerQueue* queue = nullptr;
};

Task<> sleeps_often(unsigned times, Time duration) {
  for (unsigned i = 0; i < times; ++i) {
    const Time start = now();
    static_cast<void>(co_await percore::sleep_for(duration));
    const Time late = now() - start - duration;
    require(late.nanoseconds >= 0, "a sleep ended {} ns too early", -late.nanoseconds);
    require(late.nanoseconds <= 100'000, "a sleep ended {} ns too late", late.nanoseconds);
  }
}
Task<> ticks(unsigned times) {
  const Time start = now();
  percore::Interval interval(Time{1'000'000}, start);
  std::int64_t told = 0;
  for (unsigned i = 0; i < times; ++i) {
    const auto passed = co_await interval.next();
    told += static_cast<std::int64_t>(passed.value_or(0));
    const std::int64_t since = (now() - start).nanoseconds;
    require(since >= told * 1'000'000 && since < (told + 1) * 1'000'000,
            "{} ns after the start the ticks have told of {} periods of 1 ms", since, told);
    require(since - told * 1'000'000 <= 100'000 || i % 3 == 1, "a tick came {} ns after its time",
            since - told * 1'000'000);
    percore::sim::advance(i % 3 == 0 ? 2'700'000 : 300'000);
  }
}
Task<> sleeps_an_hour(unsigned& told) {
  const auto slept = co_await percore::sleep_for(Time{3'600'000'000'000});
  require(!slept.has_value(), "the executor ended, and a sleeper was told that it was in time");
  ++told;
}
Task<> leaves_sleepers(unsigned count, unsigned& told) {
  for (unsigned i = 0; i < count; ++i) percore::spawn(sleeps_an_hour(told)).detach();
  co_await percore::yield();
}

}  // namespace

PERCORE_CHECK("", in_their_order, "D2", "deadlines in their order, equal ones in that of arming",
              the_queue, .ring = false) {
  Noted::order.clear();
  TimerQueue queue;
  Noted::queue = &queue;
  const unsigned count = run.size(2, 40);
  const auto timers = std::make_unique<Noted[]>(count);
  std::vector<std::pair<std::int64_t, int>> expected;
  for (unsigned i = 0; i < count; ++i) {
    timers[i].number = static_cast<int>(i);
    const auto deadline = 100 + static_cast<std::int64_t>(run.random(run.chance(50) ? 5 : 5'000));
    expected.emplace_back(deadline, static_cast<int>(i));
    queue.arm(timers[i], Time{deadline});
  }
  std::ranges::sort(expected);  // equal ones by their number
  std::size_t fired = 0;
  for (std::int64_t moment = 0; moment < 6'000; moment += 7) {
    while (fired < expected.size() && expected[fired].first <= moment) ++fired;
    queue.fire_due(Time{moment});
    require(Noted::order.size() == fired, "at {} {} timers are due, and {} have fired", moment,
            fired, Noted::order.size());
  }
  for (unsigned i = 0; i < count; ++i)
    require(Noted::order[i] == expected[i].second, "timer {} fired as number {}", Noted::order[i],
            i);
}

PERCORE_CHECK("", cancelled_in_its_batch, "D3", "a cancelled timer does not fire", the_queue,
              .ring = false) {
  Noted::order.clear();
  TimerQueue queue;
  Noted::queue = &queue;
  const unsigned count = run.size(2, 20);
  const auto timers = std::make_unique<Noted[]>(count);
  for (unsigned i = 0; i < count; ++i) {
    timers[i].number = static_cast<int>(i);
    if (i % 2 == 0 && i + 1 < count) timers[i].victim = &timers[i + 1];
    queue.arm(timers[i], Time{100});
  }
  queue.fire_due(Time{100});
  for (const int number : Noted::order)
    require(number % 2 == 0, "timer {} fired although it had been cancelled", number);
}

PERCORE_CHECK("", armed_meanwhile, "D2", "what is armed meanwhile waits for the next call",
              the_queue, .seeds = 1, .ring = false) {
  Noted::order.clear();
  TimerQueue queue;
  Noted::queue = &queue;
  Noted timer;
  timer.again = true;
  queue.arm(timer, Time{100});
  for (unsigned calls = 1; calls <= 3; ++calls) {
    queue.fire_due(Time{200});
    require(Noted::order.size() == calls, "{} calls fired a timer {} times", calls,
            Noted::order.size());
    timer.again = calls < 2;
  }
}

PERCORE_CHECK("", sleeps_in_time, "D4", "the executor sleeps until the earliest deadline",
              the_deadline, .seeds = 20, .faults = false) {
  const unsigned times = run.size(1, 10);
  percore::Executor executor;
  executor.run(
      sleeps_often(times, Time{100'000 + static_cast<std::int64_t>(run.random(5'000'000))}));
  const auto counts = percore::sim::counts();
  require(counts.enters <= 3 * times + 2, "{} sleeps cost {} enters", times, counts.enters);
  require(counts.sleeps >= times, "{} sleeps let the thread sleep {} times", times, counts.sleeps);
  require(counts.submitted == 0, "{} sleeps put {} entries into the queue", times,
          counts.submitted);
}

PERCORE_CHECK("", ticks_on_the_grid, "D6", "a periodic timer does not drift",
              "Lesson 02, *The interval*", .seeds = 5, .faults = false) {
  percore::Executor executor;
  executor.run(ticks(run.size(2, 20)));
}

PERCORE_CHECK("", cancelled_at_the_end, "D7", "every sleeper is told of the end",
              "Lesson 02, *The end of all sleeps*", .seeds = 5, .faults = false) {
  unsigned told = 0;
  const unsigned count = run.size(1, 5);
  const Time start = now();
  percore::Executor executor;
  executor.run(leaves_sleepers(count, told));
  require(told == count, "{} sleepers were left, and {} were told", count, told);
  require((now() - start).nanoseconds < 1'000'000'000, "the end waited for the sleepers' hour");
}
