// 02.3 timer, step sleep: timers on an executor, under the simulated ring's clock.

#include <percore/timer.hpp>

#include "support.hpp"

using namespace checks;
using percore::now;
using percore::sleep_for;
using percore::sleep_until;

// The first three checks look at one sleep each, so that what all others lean on is told by its own
// name.

namespace {

Task<> sleeps_a_while(bool& woken) {
  static_cast<void>(co_await sleep_for(ms(1)));
  woken = true;
}
// The executor's part is done by hand: its pollers are not asked between advance() and fire_due().
Task<> fires_a_sleep() {
  bool woken = false;
  auto sleeper = spawn(sleeps_a_while(woken));
  co_await percore::yield();
  if (woken) fail_with("D1", the_deadline, "a sleep of 1 ms was over at once");
  const std::size_t armed = percore::timers().size();
  if (armed != 1)
    fail_with(
        "D4", the_deadline,
        percore::check::say("a task sleeps, and {} timers are armed: await_suspend() arms the "
                            "awaiter, which is a timer",
                            armed));
  percore::sim::advance(2'000'000);
  percore::timers().fire_due(now());
  require(!woken,
          "fire_due() resumed a task that slept: a timer that fires only makes it ready, for the "
          "executor to resume");
  co_await rests(2);
  require(woken, "the timer of a sleep has fired, and the sleeper was not made ready");
  co_await sleeper;
}

}  // namespace

PERCORE_CHECK("sleep", a_timer_resumes_nobody, "D2",
              "a timer that fires makes its sleeper ready, and resumes nobody", the_queue_of_timers,
              .seeds = 1, .faults = false) {
  run.waits_for("a sleep of 1 ms");
  run_on_executor(fires_a_sleep());
}

namespace {

Task<> one_sleep(Time duration) {
  const Time start = now();
  const auto slept = co_await sleep_for(duration);
  require(slept.has_value(), "a sleep gave an error although nothing ends: {}",
          slept ? "" : slept.error().message());
  require(now() - start >= duration, "a sleep of {} ns took {} ns", duration.nanoseconds,
          (now() - start).nanoseconds);
}

/// Wakes the executor where a sleep does not, and says what that means.
class Watch final : public percore::Poller {
 public:
  explicit Watch(const char* what_failed) : what_failed_(what_failed) {}
  bool poll() override {
    require(now() < until_, "{} ms after the deadline of the only sleep it has not ended: {}",
            patience.nanoseconds / 1'000'000, what_failed_);
    if (now() >= until_ - patience)
      require(++late_turns_ < 1'000,
              "the deadline of a sleep has passed, the executor asks again and again, and poll() "
              "fires nothing");
    return false;
  }
  Time next_deadline() const override { return until_; }

  void run_one_sleep(Time duration) {
    Executor executor({.ring = {.entries = 8}});
    executor.add_poller(*this);
    until_ = now() + duration + patience;
    executor.run(one_sleep(duration));
    executor.remove_poller(*this);
  }

 private:
  static constexpr Time patience = ms(10);
  const char* what_failed_;
  Time until_;
  unsigned late_turns_ = 0;
};

}  // namespace

PERCORE_CHECK("sleep", one_sleep_ends, "D4",
              "the executor is told the earliest deadline, and sleeps until then", the_deadline,
              .seeds = 1, .faults = false) {
  run.waits_for("a sleep, with nothing else to do");
  Watch watch(
      "the executor asked until when it may sleep, and next_deadline() named a later moment, or "
      "never()");
  watch.run_one_sleep(us(400));
}

PERCORE_CHECK("sleep", a_thread_may_have_another_executor, "D7",
              "the timers of a thread outlive its executors", the_end_of_sleeps, .seeds = 5,
              .faults = false) {
  run.waits_for("a sleep on the second executor of a thread");
  run_on_executor(one_sleep(us(400)));
  Watch watch(
      "it is the second executor of this thread, and the timers never joined it; executor_gone() "
      "forgets the first one");
  watch.run_one_sleep(us(400));
}

namespace {

struct Sleepers {
  percore::check::Run& run;
  std::vector<std::pair<Time, unsigned>> woken;
  unsigned begun = 0;
};

Task<> sleeps(Sleepers& sleepers, unsigned number, Time deadline) {
  ++sleepers.begun;
  const auto slept = co_await sleep_until(deadline);
  sleepers.run.operation(number);
  require(slept.has_value(), "sleep {} gave an error although nothing ends: {}", number,
          slept ? "" : slept.error().message());
  const Time moment = now();
  if (moment < deadline)
    fail_with("D1", the_deadline,
              percore::check::say("sleeper {} went on {} ns before its deadline", number,
                                  (deadline - moment).nanoseconds));
  sleepers.woken.emplace_back(deadline, number);
}
Task<> all_sleep(Sleepers& sleepers, unsigned count) {
  const Time start = now() + us(500);
  const auto spread = 1 + sleepers.run.random(3'000'000);
  std::vector<JoinHandle<void>> handles;
  std::vector<std::pair<Time, unsigned>> expected;
  for (unsigned i = 0; i < count; ++i) {
    Time deadline = start + Time{static_cast<std::int64_t>(sleepers.run.random(spread))};
    if (i != 0 && sleepers.run.chance(30)) deadline = expected.back().first;
    expected.emplace_back(deadline, i);
    handles.push_back(spawn(sleeps(sleepers, i, deadline)));
  }
  std::ranges::sort(expected);  // equal ones by their number
  for (auto& handle : handles) co_await handle;
  for (unsigned i = 0; i < count; ++i)
    require(sleepers.woken[i] == expected[i],
            "sleeper {} went on as number {}, and it was the turn of sleeper {}: the order is that "
            "of the deadlines, and among equal ones that of falling asleep",
            sleepers.woken[i].second, i, expected[i].second);
}

}  // namespace

PERCORE_CHECK("sleep", nobody_wakes_before_its_time, "D2",
              "sleepers go on in the order of their deadlines, and not too early",
              the_queue_of_timers) {
  Sleepers sleepers{run, {}, 0};
  run.waits_for("sleepers, the last of them 3.5 ms long");
  run_on_executor(all_sleep(sleepers, run.size(1, 20)));
}

namespace {

/// Counts the turns of the loop.
struct Turns final : percore::Poller {
  bool poll() override {
    ++turns;
    require(
        turns <= turns_max,
        "the executor looked round {} times during {} sleeps: it is to sleep, not to look again "
        "and again",
        turns, turns_max / 1'000);
    return false;
  }
  unsigned turns = 0;
  unsigned turns_max = 0;
};

Task<> sleeps_in_a_row(unsigned times, Time duration) {
  for (unsigned i = 0; i < times; ++i) {
    const Time start = now();
    static_cast<void>(co_await sleep_for(duration));
    const Time late = now() - start - duration;
    require(late.nanoseconds >= 0, "a sleep of {} ns ended {} ns too early", duration.nanoseconds,
            -late.nanoseconds);
    require(
        late <= us(100),
        "nothing else happened, and a sleep of {} ns ended {} ns too late: the executor is told "
        "the earliest deadline, and sleeps until then",
        duration.nanoseconds, late.nanoseconds);
  }
}

}  // namespace

PERCORE_CHECK("sleep", the_executor_sleeps_until_the_deadline, "D4",
              "the executor is told the earliest deadline, and sleeps until then", the_deadline,
              .seeds = 40, .faults = false) {
  const unsigned times = run.size(1, 8);
  run.waits_for("a sleep, with nothing else to do");
  Turns turns;
  turns.turns_max = 1'000 * times;
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(turns);
  executor.run(sleeps_in_a_row(times, us(1 + static_cast<std::int64_t>(run.random(1'000'000)))));
  executor.remove_poller(turns);
  const auto counts = percore::sim::counts();
  require(
      counts.submitted == 0,
      "{} sleeps handed {} operations to the ring: the executor's own sleep ends at the earliest "
      "deadline, and no timer needs an operation of its own",
      times, counts.submitted);
  require(counts.enters <= 3 * times + 2,
          "{} sleeps one after the other cost {} enters: one each is enough", times, counts.enters);
}

PERCORE_CHECK("sleep", many_sleepers_share_one_deadline, "D4",
              "however many sleep, the executor is told one deadline", the_deadline, .seeds = 20,
              .faults = false) {
  Sleepers sleepers{run, {}, 0};
  const unsigned count = run.size(2, 60);
  const std::uint64_t before = percore::sim::counts().submitted;
  run_on_executor(all_sleep(sleepers, count));
  const auto counts = percore::sim::counts();
  require(counts.submitted == before, "{} sleeps handed {} operations to the ring", count,
          counts.submitted - before);
  require(counts.enters <= 2 * count + 4, "{} sleepers cost {} enters", count, counts.enters);
}

namespace {

Task<> sleeps_long(bool& woken) {
  static_cast<void>(co_await sleep_for(ms(1'000)));
  woken = true;
}
Task<> woken_by_the_ring(Time duration) {
  RingSleep ring_sleep(us(300));
  co_await ring_sleep;
  const Time deadline = now() + duration;
  static_cast<void>(co_await sleep_until(deadline));
  require(now() - deadline <= us(100),
          "while the thread slept for another task's deadline, 1 s ahead, a completion woke it; a "
          "sleep of {} ns that began then ended {} ns too late",
          duration.nanoseconds, (now() - deadline).nanoseconds);
}
Task<> long_and_short(Time duration) {
  bool woken = false;
  auto sleeper = spawn(sleeps_long(woken));
  auto other = spawn(woken_by_the_ring(duration));
  co_await other;
  require(!woken, "a sleep of 1 s ended before one of {} ns", duration.nanoseconds);
  co_await sleeper;
}

}  // namespace

PERCORE_CHECK("sleep", a_later_deadline_hides_no_earlier_one, "D4",
              "the executor is told the earliest deadline, whenever it was armed", the_deadline,
              .seeds = 40, .faults = false) {
  run.waits_for("a short sleep that began while the thread slept for a long one");
  run_on_executor(long_and_short(us(1 + static_cast<std::int64_t>(run.random(5'000)))));
}

namespace {

// A turn of 256 resumes, each of about 1 us, then who is before it in the queue.
constexpr Time late_max = us(400);

Task<> computes(const bool& stop, Time deadline) {
  while (!stop) {
    percore::sim::advance(1'000);
    require(
        now() - deadline <= late_max,
        "other tasks were always ready, and a sleep has not ended {} us after its deadline: the "
        "timers are looked at each turn, not only before the thread sleeps",
        (now() - deadline).nanoseconds / 1'000);
    co_await percore::yield();
  }
}
Task<> sleeps_beside(unsigned busy) {
  bool stop = false;
  const Time deadline = now() + us(700);
  std::vector<JoinHandle<void>> others;
  for (unsigned i = 0; i < busy; ++i) others.push_back(spawn(computes(stop, deadline)));
  static_cast<void>(co_await sleep_until(deadline));
  stop = true;
  for (auto& other : others) co_await other;
}

}  // namespace

PERCORE_CHECK("sleep", busy_tasks_hide_no_deadline, "D4",
              "timers fire while other tasks are always ready", the_deadline, .seeds = 20,
              .faults = false) {
  run.waits_for("a sleep of 700 us beside tasks that yield all the time");
  run_on_executor(sleeps_beside(run.size(1, 6)));
}

namespace {

Task<> notes(bool& ran) {
  ran = true;
  co_return;
}
Task<> past_deadline(Time deadline) {
  bool ran = false;
  auto other = spawn(notes(ran));
  const Time start = now();
  const auto slept = co_await sleep_until(deadline);
  require(slept.has_value(), "a sleep until a moment that has passed gave an error");
  require(ran,
          "a task slept until a moment that had passed, and went on before another one that was "
          "ready: the sleeper gives way once, whatever its deadline");
  require(now() - start <= us(300), "a sleep until a moment that had passed took {} us",
          (now() - start).nanoseconds / 1'000);
  co_await other;
}

}  // namespace

PERCORE_CHECK("sleep", a_past_deadline_is_the_present, "D2",
              "a deadline that has passed is taken as the present moment, and others go first",
              the_queue_of_timers, .seeds = 20, .faults = false) {
  percore::sim::advance(1'000'000);
  run.waits_for("a sleep until a moment that has passed");
  run_on_executor(past_deadline(run.chance(50) ? Time{} : now() - us(10)));
  run_on_executor([](std::int64_t nanoseconds) -> Task<> {
    const auto slept = co_await sleep_for(Time{nanoseconds});
    require(slept.has_value(), "a sleep of {} ns gave an error", nanoseconds);
  }(-static_cast<std::int64_t>(run.random(2) * 5'000)));
}

namespace {

struct Ending {
  unsigned cancelled = 0;
  unsigned again = 0;
};

Task<> sleeps_to_the_end(Ending& ending, Time duration) {
  const auto slept = co_await sleep_for(duration);
  require(!slept.has_value(), "the root task ended, and a sleep of {} ns ended as if in time",
          duration.nanoseconds);
  require(slept.error() == cancelled(),
          "the root task ended, and a sleeper was told: {} (category {}), not ECANCELED of "
          "std::system_category()",
          slept.error().message(), slept.error().category().name());
  ++ending.cancelled;
  bool ran = false;
  auto other = spawn(notes(ran));
  const auto again = co_await sleep_for(ms(1));
  require(!again.has_value() && again.error() == cancelled(),
          "a sleep that began after the root task's end did not give ECANCELED");
  require(!ran,
          "a sleep that began after the root task's end waited for a turn: it is over at once, "
          "await_ready() says so");
  ++ending.again;
  co_await other;
}
Task<> leaves_sleepers(Ending& ending, unsigned count) {
  for (unsigned i = 0; i < count; ++i)
    spawn(sleeps_to_the_end(ending, i % 3 == 2 ? Time::never() : ms(3'600'000))).detach();
  const auto slept = co_await sleep_for(us(50));
  require(slept.has_value(), "the root task's own sleep was cancelled");
}

}  // namespace

PERCORE_CHECK(
    "sleep", at_the_end_every_sleeper_is_told, "D7",
    "at the executor's end every sleeper goes on with ECANCELED, and later sleeps give it "
    "at once",
    the_end_of_sleeps, .seeds = 40) {
  Ending ending;
  const unsigned count = run.size(1, 12);
  run.waits_for("tasks that slept when the root task ended");
  const Time start = now();
  run_on_executor(leaves_sleepers(ending, count));
  require(ending.cancelled == count, "the root task left {} sleepers, and {} of them went on",
          count, ending.cancelled);
  require(ending.again == count, "{} tasks slept once more after the end, and {} came back", count,
          ending.again);
  require(now() - start <= ms(900), "the end took {} ms: the sleepers' hour was waited for",
          (now() - start).nanoseconds / 1'000'000);
}

PERCORE_CHECK("sleep", a_sleep_follows_an_end, "D7", "the timers of a thread outlive its executors",
              the_end_of_sleeps, .seeds = 20, .faults = false) {
  Ending ending;
  run.waits_for("a sleep on the second executor of a thread");
  run_on_executor(leaves_sleepers(ending, 3));
  run_on_executor(one_sleep(us(400)));
  Executor executor({.ring = {.entries = 8}});
  executor.run(leaves_sleepers(ending, 2));
  executor.run(one_sleep(us(400)));
}

namespace {

Task<> sleeps_often(std::uint64_t& allocations) {
  static_cast<void>(co_await sleep_for(us(10)));
  const auto before = percore::sim::counts().allocations;
  for (int i = 0; i < 20; ++i) static_cast<void>(co_await sleep_for(us(10)));
  allocations = percore::sim::counts().allocations - before;
}

}  // namespace

PERCORE_CHECK("sleep", a_sleep_allocates_nothing, "D5", "a sleep lies in the sleeper's frame",
              the_queue_of_timers, .seeds = 1, .faults = false) {
  std::uint64_t allocations = 0;
  run_on_executor(sleeps_often(allocations));
  require(allocations == 0, "20 sleeps allocated {} times: a sleep lies in the sleeper's frame",
          allocations);
}

PERCORE_ORACLE(sleeps_for_ever, "D4", "the executor is told the earliest deadline",
               "Lesson 02, *The deadline*");
PERCORE_ORACLE(spins_for_ever, "D4", "the executor sleeps until the earliest deadline",
               "Lesson 02, *The deadline*");
