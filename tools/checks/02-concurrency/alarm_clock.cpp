// 02.2 alarm_clock: the questions in order, each tried on our timers and the simulated clock.

#include <time.h>
#include <percore/timer.hpp>

#include "01-hello-world/answers.hpp"
#include "support.hpp"

using namespace checks;
using percore::now;

namespace {

/// Who went on first.
struct First {
  unsigned number = 0;
};
Task<> sleeps_until(unsigned number, Time deadline, First& first) {
  static_cast<void>(co_await percore::sleep_until(deadline));
  if (first.number == 0) first.number = number;
}
Task<> three(First& first) {
  std::vector<JoinHandle<void>> handles;
  unsigned number = 0;
  for (const int duration : {30, 10, 20})
    handles.push_back(spawn(sleeps_until(++number, now() + ms(duration), first)));
  for (auto& handle : handles) co_await handle;
}
Task<> two(First& first) {
  const Time moment = now() + ms(5);
  auto one = spawn(sleeps_until(1, moment, first));
  auto other = spawn(sleeps_until(2, moment, first));
  co_await one;
  co_await other;
}
Task<> notes(unsigned number, First& first) {
  if (first.number == 0) first.number = number;
  co_return;
}
Task<> past(First& first) {
  auto other = spawn(notes(2, first));
  co_await sleeps_until(1, Time{}, first);
  co_await other;
}

Task<> blocks() {
  percore::sim::advance(20'000'000);  // what clock_nanosleep(2) does to the thread
  co_return;
}
Task<> awaits() {
  static_cast<void>(co_await percore::sleep_for(ms(20)));
}
Task<> many(Task<> (*task)(), unsigned count) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < count; ++i) handles.push_back(spawn(task()));
  for (auto& handle : handles) co_await handle;
}
std::string ms_for_ten(Task<> (*task)()) {
  const Time start = now();
  run_on_executor(many(task, 10));
  return std::to_string((now() - start).nanoseconds / 1'000'000);
}

struct Ticks {
  std::uint64_t told = 0;
  std::int64_t next_ms = 0;
};
Task<> ticks(Ticks& seen) {
  const Time start = now();
  percore::Interval interval(ms(10), start);
  percore::sim::advance(35'000'000);
  seen.told = (co_await interval.next()).value_or(0);
  static_cast<void>(co_await interval.next());
  seen.next_ms = (now() - start).nanoseconds / 1'000'000;
}

Task<> sleeps_an_hour() {
  static_cast<void>(co_await percore::sleep_for(ms(3'600'000)));
}
Task<> leaves_a_sleeper() {
  spawn(sleeps_an_hour()).detach();
  co_await percore::yield();
}

}  // namespace

PERCORE_CHECK("", first, "D2", "timers fire in the order of their deadlines", the_queue_of_timers,
              .seeds = 1, .faults = false) {
  First seen;
  run_on_executor(three(seen));
  static constexpr Misconception known[] = {
      {"1", "you took the order of spawning; they wake in the order of their deadlines"}};
  expect_answer(run, "first", std::to_string(seen.number), known,
                "the earliest deadline comes first, whoever fell asleep first");
}

PERCORE_CHECK("", together, "D2", "equal deadlines keep the order of their arming",
              the_queue_of_timers, .seeds = 1, .faults = false) {
  First seen;
  run_on_executor(two(seen));
  static constexpr Misconception known[] = {
      {"2", "among equal deadlines the one that was armed first fires first: D2 promises it"}};
  expect_answer(run, "together", std::to_string(seen.number), known,
                "there are only numbers 1 and 2, and D2 promises which of them is first");
}

PERCORE_CHECK("", past, "D2", "a deadline that has passed is taken as the present moment",
              the_queue_of_timers, .seeds = 1, .faults = false) {
  First seen;
  run_on_executor(past(seen));
  static constexpr Misconception known[] = {
      {"no",
       "a sleeper always suspends once, also when its moment has passed, and goes to the back: a "
       "task that does so in a loop must not keep the others from running"}};
  expect_answer(run, "past", yes_or_no(seen.number == 2), known, "answer yes or no");
}

PERCORE_CHECK("", blocked, "D4", "the thread sleeps in one place only", the_deadline, .seeds = 1,
              .faults = false) {
  static constexpr Misconception known[] = {
      {"20",
       "ten tasks share one thread: clock_nanosleep(2) stops the thread, and the next task begins "
       "when it has come back"}};
  expect_answer(run, "blocked", ms_for_ten(blocks), known,
                "each of the ten stops the thread for 20 ms, one after the other");
}

PERCORE_CHECK("", awaited, "D4", "the thread sleeps until the earliest deadline of all",
              the_deadline, .seeds = 1, .faults = false) {
  static constexpr Misconception known[] = {
      {"200", "who awaits a sleep lets the others run: all ten sleep at the same time"}};
  expect_answer(run, "awaited", ms_for_ten(awaits), known, "all ten sleep at the same time");
}

PERCORE_CHECK("", entries, "D4", "the executor is told one deadline", the_deadline, .seeds = 1,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  executor.run(many(awaits, 1'000));
  static constexpr Misconception known[] = {
      {"1000",
       "a timer is an object in the sleeper's frame, and no operation of the ring; the executor's "
       "own sleep is given the earliest deadline"},
      {"1",
       "the earliest deadline travels as an argument of the io_uring_enter that sleeps, and needs "
       "no "
       "entry"}};
  expect_answer(run, "entries", std::to_string(executor.ring().counts().submitted), known,
                "the earliest deadline travels as an argument of the io_uring_enter that sleeps");
}

PERCORE_CHECK("", ticks, "D6", "a late caller is told of all that it missed", the_interval,
              .seeds = 1, .faults = false) {
  Ticks seen;
  run_on_executor(ticks(seen));
  static constexpr Misconception known[] = {
      {"1", "ticks 1, 2 and 3 have passed already; they are told at once, as a number"},
      {"4", "the fourth tick is at 40 ms, and the caller came at 35"}};
  expect_answer(
      run, "ticks", std::to_string(seen.told), known,
      "next() gives how many whole periods have passed since the last tick that was told");
}

PERCORE_CHECK("", after, "D6", "the deadlines are start + n * period", the_interval, .seeds = 1,
              .faults = false) {
  Ticks seen;
  run_on_executor(ticks(seen));
  static constexpr Misconception known[] = {
      {"45", "that would be a period after the late tick: it would drift"},
      {"35", "three ticks were told together; the next is the fourth"}};
  expect_answer(run, "after", std::to_string(seen.next_ms), known,
                "the next tick after 35 ms on the grid 10, 20, 30, ...");
}

PERCORE_CHECK("", hour, "D7", "at the executor's end every sleeper goes on with ECANCELED",
              the_end_of_sleeps, .seeds = 1, .faults = false) {
  const Time start = now();
  run_on_executor(leaves_a_sleeper());
  static constexpr Misconception known[] = {{"yes",
                                             "after the root's end nobody waits for deadlines any "
                                             "more: sleepers are woken with ECANCELED, "
                                             "and end"}};
  expect_answer(run, "hour", yes_or_no(now() - start >= ms(3'600'000)), known, "answer yes or no");
}
