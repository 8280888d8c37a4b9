// 04.1 sleeper: queues of the learner's scheduler sleep and wake.

#include <algorithm>
#include <cstdint>
#include <percore/check.hpp>
#include <vector>

// As in the learner's file.
struct Queue {
  std::int64_t shares = 1000;
  std::int64_t virtual_ns = 0;
  bool ready = false;
};
struct Scheduler {
  std::vector<Queue> queues;
  std::int64_t turn_began = 0;

  void wake(unsigned number);
  void sleep(unsigned number) { queues[number].ready = false; }
  int next();
  void charge(unsigned number, std::int64_t ran_ns);
};

using percore::check::require;

namespace {

constexpr const char* the_sleeper = "Lesson 04, *The sleeper*";
constexpr std::int64_t ms = 1'000'000;

Scheduler two_queues() {
  Scheduler scheduler;
  scheduler.queues.resize(2);
  return scheduler;
}

unsigned turn(Scheduler& scheduler, std::int64_t ran_ns) {
  const int next = scheduler.next();
  require(next >= 0, "a queue is ready and next() says that none is");
  scheduler.charge(static_cast<unsigned>(next), ran_ns);
  return static_cast<unsigned>(next);
}

}  // namespace

PERCORE_CHECK("", who_slept_has_no_credit, "F4", "sleeping earns nothing", the_sleeper,
              .ring = false) {
  Scheduler scheduler = two_queues();
  scheduler.wake(0);
  const unsigned alone = run.size(2, 1000);
  for (unsigned i = 0; i < alone; ++i) turn(scheduler, ms);
  scheduler.wake(1);
  unsigned in_a_row = 0;
  while (in_a_row < alone && turn(scheduler, ms) == 1) ++in_a_row;
  require(in_a_row <= 2,
          "a queue slept for {} turns of the other, woke, and had {} turns in a row: it was paid "
          "for its sleep",
          alone, in_a_row);
  require(in_a_row != 0, "a queue woke, and the other one went on as if nobody waited");
}

PERCORE_CHECK("", who_owes_still_owes, "F4", "sleeping forgives nothing", the_sleeper,
              .ring = false) {
  Scheduler scheduler = two_queues();
  const std::int64_t owed = ms * (10 + static_cast<std::int64_t>(run.random(100)));
  scheduler.wake(1);
  turn(scheduler, owed);
  scheduler.wake(0);
  const std::int64_t before = scheduler.queues[1].virtual_ns;
  scheduler.sleep(1);
  turn(scheduler, ms);
  scheduler.wake(1);
  require(scheduler.queues[1].virtual_ns == before,
          "a queue that had run ahead to {} ms of virtual time slept for a moment and went on at "
          "{} ms: what it owed is forgotten",
          before / ms, scheduler.queues[1].virtual_ns / ms);
}

PERCORE_CHECK("", who_stays_is_charged_as_before, "F2", "whoever runs is charged as before",
              "Lesson 04, *Virtual time*", .ring = false) {
  Scheduler scheduler = two_queues();
  scheduler.queues[1].shares = 100;
  scheduler.wake(0);
  scheduler.wake(1);
  const unsigned turns = 11 * run.size(2, 50);
  unsigned of_the_first = 0;
  for (unsigned i = 0; i < turns; ++i) of_the_first += turn(scheduler, ms) == 0 ? 1 : 0;
  const unsigned wanted = turns / 11 * 10;
  require(of_the_first + 10 >= wanted && of_the_first <= wanted + 10,
          "queues with 1000 and 100 shares had {} turns, and the first had {} of them, not {}",
          turns, of_the_first, wanted);
}
