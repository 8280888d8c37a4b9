// 01.7 executor, step turn: the loop over run queue, pollers and ring; its sleep; its end.

#include "assertions.hpp"
#include "executor_support.hpp"

using namespace checks;

namespace {

std::size_t ready_now(void*) {
  const Executor* const executor = Executor::current_or_null();
  return executor == nullptr ? 0 : const_cast<Executor*>(executor)->running_queue().size();
}

/// Whatever the simulated ring does from here on, a sleep with work in the run queue is a mistake.
void watch_sleep() {
  percore::sim::set_ready_probe(&ready_now, nullptr);
}

void leave_open(percore::check::Run& run) {
  auto options = run.options();
  options.allow_unfinished = true;
  run.restart(options);
}

Task<> rests(unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
}

}  // namespace

namespace {

Task<> sleeps(unsigned times, std::int64_t nanoseconds) {
  for (unsigned i = 0; i < times; ++i) {
    const Time before = percore::now();
    Sleep sleep(nanoseconds);
    const int result = co_await sleep;
    require(result == -ETIME, "a timer of the kernel ended with {}", result);
    require((percore::now() - before).nanoseconds >= nanoseconds, "a sleep of {} ns took {} ns",
            nanoseconds, (percore::now() - before).nanoseconds);
  }
}

/// Counts the turns in which there was nothing to do.
struct Watch final : Poller {
  bool poll() override {
    ++polls;
    const auto sleeps = percore::sim::counts().sleeps;
    require(
        polls <= turns_max || sleeps != 0,
        "nothing is ready, and the executor looked round {} times and never slept: sleep() waits "
        "in the ring until something happens",
        polls);
    require(polls <= turns_max,
            "the executor woke {} times while nothing happened: it sleeps until a completion comes "
            "or until the deadline of a poller, and no shorter",
            polls);
    return false;
  }
  unsigned polls = 0;
  unsigned turns_max = 0;
};

}  // namespace

PERCORE_CHECK("turn", an_idle_executor_sleeps_in_the_ring, "E3",
              "the thread sleeps when nothing is ready, in one io_uring_enter", the_sleep,
              .seeds = 30, .faults = false) {
  const unsigned times = run.size(1, 8);
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  watch_sleep();
  run.waits_for("a timer of the kernel");
  Watch watch;
  watch.turns_max = 2 * times + 3;
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(watch);
  executor.run(sleeps(times, 1'000'000 + static_cast<std::int64_t>(run.random(1'000'000'000))));
  require(percore::sim::counts().sleeps >= 1,
          "a task waited for a timer, and the executor never slept");
  require(percore::sim::counts().enters <= times + 1,
          "a task waited {} times for a timer, and {} enters were made: one enter submits what is "
          "queued and sleeps",
          times, percore::sim::counts().enters);
  executor.remove_poller(watch);
}

namespace {

/// A life of operations, yields and children, drawn from the seed.
struct Life {
  percore::check::Run& run;
  const Pipe& full;
  unsigned left;
  unsigned operations = 0;
  unsigned answers = 0;
  int alive = 0;
};

Task<> lives(Life& life, Held held) {
  static_cast<void>(held);
  std::vector<JoinHandle<void>> children;
  std::byte byte{};
  const std::span<std::byte> bytes(&byte, 1);
  while (life.left != 0 && life.run.chance(85)) {
    --life.left;
    switch (life.run.random(5)) {
      case 0: {
        Held child_held(life.alive);
        children.push_back(spawn(lives(life, child_held)));
        break;
      }
      case 1: {
        co_await percore::yield();
        break;
      }
      case 2: {
        ++life.operations;
        const auto read = co_await percore::read(life.full.reading_end(), bytes);
        if (read.has_value()) require(*read == 1, "a read of one byte gave {}", *read);
        ++life.answers;
        break;
      }
      default: {
        ++life.operations;
        const auto result = co_await percore::nop();
        require(result.has_value() && *result == 0, "a nop did not give 0");
        ++life.answers;
      }
    }
  }
  for (auto& child : children) co_await child;
}

}  // namespace

PERCORE_CHECK("turn", every_wake_up_resumes_once, "E4", "each wake-up resumes its coroutine once",
              the_turn_of_the_loop) {
  const Pipe full;
  for (int i = 0; i < 200; ++i)
    require(write(full.ends[1], "!", 1) == 1, "a pipe could not be filled");
  Life life{run, full, run.size(1, 60)};
  watch_sleep();
  percore::sim::set_enter_budget(3000);
  run.waits_for("tasks that wait for reads, nops and each other");
  {
    Held held(life.alive);
    Executor executor({.ring = {.entries = 8}});
    executor.run(lives(life, std::move(held)));
    require(executor.tasks_alive() == 0, "run() has returned and tasks_alive() says {}",
            executor.tasks_alive());
  }
  require(life.answers == life.operations, "{} operations were awaited and {} gave an answer",
          life.operations, life.answers);
  require(life.alive == 0, "all tasks have ended and {} objects of their frames are {}",
          life.alive < 0 ? -life.alive : life.alive,
          life.alive < 0 ? "destroyed twice" : "still alive");
}

namespace {

Task<> one_nop(unsigned number, std::vector<unsigned>& resumed) {
  const auto result = co_await percore::nop();
  require(io_uring_cq_ready(&Executor::current().ring().native()) == 0,
          "a coroutine was resumed while {} completions were still in the queue: all are collected "
          "first, then it is "
          "resumed",
          io_uring_cq_ready(&Executor::current().ring().native()));
  static_cast<void>(result);
  resumed.push_back(number);
}
Task<> many_nops(unsigned count, std::vector<unsigned>& resumed) {
  std::vector<JoinHandle<void>> all;
  for (unsigned i = 0; i < count; ++i) all.push_back(spawn(one_nop(i, resumed)));
  for (auto& handle : all) co_await handle;
}

}  // namespace

PERCORE_CHECK("turn", completions_first_resumes_after, "E4",
              "completions are all collected before any coroutine is resumed", the_turn_of_the_loop,
              .seeds = 50, .faults = false) {
  const unsigned count = run.size(1, 16);
  std::vector<unsigned> resumed;
  watch_sleep();
  run.waits_for("the completions of NOPs");
  run_on_executor(many_nops(count, resumed), {.ring = {.entries = 32}});
  require(resumed.size() == count, "{} tasks awaited a NOP and {} went on", count, resumed.size());
}

PERCORE_CHECK("turn", tasks_share_an_enter, "E3",
              "one io_uring_enter submits what all tasks have queued", the_turn_of_the_loop,
              .seeds = 1, .faults = false) {
  auto options = run.options();
  options.inline_percent = 100;
  run.restart(options);
  std::vector<unsigned> resumed;
  run_on_executor(many_nops(10, resumed), {.ring = {.entries = 32}});
  require(percore::sim::counts().enters <= 2,
          "10 tasks each asked for a NOP, and {} enters were made: the turn submits what all of "
          "them have queued",
          percore::sim::counts().enters);
}

namespace {

Task<> one_plain_nop() {
  const auto result = co_await percore::nop();
  static_cast<void>(result);
}
Task<> waits_for_all_at_once(unsigned count, std::uint64_t& allocations) {
  std::vector<JoinHandle<void>> all;
  all.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    all.push_back(spawn(one_plain_nop()));
    co_await percore::yield();  // it has asked, and waits: the run queue is empty again
  }
  const std::uint64_t before = percore::sim::counts().allocations;
  percore::sim::advance(1'000'000'000);  // and now all completions come at once
  for (auto& handle : all) co_await handle;
  allocations = percore::sim::counts().allocations - before;
}

}  // namespace

PERCORE_CHECK("turn", a_wake_up_allocates_nothing, "E4",
              "a wake-up needs no memory: room was made when the task was spawned",
              the_turn_of_the_loop, .seeds = 10, .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  std::uint64_t allocations = 0;
  run.waits_for("the completions of NOPs that come all at once");
  run_on_executor(waits_for_all_at_once(200, allocations), {.ring = {.entries = 256}});
  require(allocations == 0,
          "200 tasks were woken by their completions, and that allocated {} times", allocations);
}

namespace {

struct Counter final : Poller {
  bool poll() override {
    ++polls;
    const unsigned since = resumes - at_last_poll;
    most = since > most ? since : most;
    at_last_poll = resumes;
    Ring& ring = Executor::current().ring();
    const bool moved = ring.counts().submitted != std::exchange(submitted, ring.counts().submitted);
    turns_queued = ring.unsubmitted() == 0 ? 0 : moved ? 1 : turns_queued + 1;
    turns_queued_most = turns_queued > turns_queued_most ? turns_queued : turns_queued_most;
    return false;
  }
  /// Resumes since the one task that waits for the ring has asked.
  unsigned asked_at = 0;
  bool asked = false;
  unsigned polls = 0;
  unsigned resumes = 0;
  unsigned at_last_poll = 0;
  unsigned most = 0;
  std::uint64_t submitted = 0;
  unsigned turns_queued = 0;
  unsigned turns_queued_most = 0;
};

Task<> spins(Counter& counter, const bool& stop, unsigned limit, unsigned turn_max) {
  while (!stop) {
    ++counter.resumes;
    require(!counter.asked || counter.resumes - counter.asked_at <= limit,
            "a completion that was there waited for {} resumes of tasks that yield: between two "
            "looks at the ring at most {} may run",
            counter.resumes - counter.asked_at, turn_max);
    percore::sim::advance(200);  // time goes by while tasks run
    co_await percore::yield();
  }
}
Task<> spins_around_a_nop(Counter& counter, unsigned spinners, unsigned rounds, unsigned turn_max) {
  bool stop = false;
  // The rest of its own turn, the turn that submits, the one that sees the completion, and then who
  // is before it in the queue. A delayed completion takes 5 resumes more: 1000 ns, 200 for each.
  const unsigned limit = 3 * turn_max + spinners + 8;
  std::vector<JoinHandle<void>> all;
  for (unsigned i = 0; i < spinners; ++i)
    all.push_back(spawn(spins(counter, stop, limit, turn_max)));
  for (unsigned i = 0; i < rounds; ++i) {
    counter.asked_at = counter.resumes;
    counter.asked = true;
    const auto result = co_await percore::nop();
    counter.asked = false;
    static_cast<void>(result);
    ++counter.resumes;
  }
  stop = true;
  for (auto& handle : all) {
    co_await handle;
    ++counter.resumes;
  }
}

}  // namespace

PERCORE_CHECK("turn", a_bound_on_what_runs_between_two_looks, "E2",
              "between two looks at the ring at most resumes_per_turn_max coroutines are resumed",
              the_turn_of_the_loop, .seeds = 40, .faults = false) {
  const unsigned turn_max = 1 + static_cast<unsigned>(run.random(20));
  Counter counter;
  auto options = run.options();
  options.inline_percent = run.seed() % 2 == 0 ? 100 : 0;
  options.delay_nanoseconds_max = 1000;
  run.restart(options);
  run.waits_for("a NOP, among tasks that yield all the time");
  {
    Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = turn_max});
    executor.add_poller(counter);
    const unsigned spinners = run.size(1, 6);
    executor.run(spins_around_a_nop(counter, spinners, 5, turn_max));
    executor.remove_poller(counter);
  }
  require(counter.polls != 0, "a poller was added and never asked");
  require(counter.most <= turn_max,
          "{} coroutine{} resumed between two looks, and resumes_per_turn_max is {}", counter.most,
          counter.most == 1 ? " was" : "s were", turn_max);
}

PERCORE_CHECK(
    "turn", entries_wait_a_bounded_number_of_turns, "E2",
    "while tasks are ready, queued entries wait for at most turns_without_enter_max turns",
    the_turn_of_the_loop, .seeds = 40, .faults = false) {
  const unsigned turns_max = 1 + static_cast<unsigned>(run.random(6));
  Counter counter;
  auto options = run.options();
  options.inline_percent = 100;
  run.restart(options);
  run.waits_for("a NOP, among tasks that yield all the time");
  {
    Executor executor(
        {.ring = {.entries = 8}, .resumes_per_turn_max = 4, .turns_without_enter_max = turns_max});
    executor.add_poller(counter);
    executor.run(spins_around_a_nop(counter, 3, 5, 4 * (turns_max + 2)));
    executor.remove_poller(counter);
  }
  require(counter.turns_queued_most <= turns_max,
          "an entry waited in the submission queue for {} turns, and turns_without_enter_max is {}",
          counter.turns_queued_most, turns_max);
}

namespace {

Task<> only_yields(unsigned tasks, unsigned yields) {
  std::vector<JoinHandle<void>> all;
  for (unsigned i = 0; i < tasks; ++i) all.push_back(spawn(rests(yields)));
  for (auto& handle : all) co_await handle;
}

}  // namespace

PERCORE_CHECK("turn", no_enter_without_a_reason, "E3",
              "a turn makes no system call when it has nothing for the ring", the_turn_of_the_loop,
              .seeds = 1, .faults = false) {
  {
    Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = 4});
    executor.run(only_yields(3, 40));
    require(percore::sim::counts().enters == 0,
            "three tasks yielded, none asked for anything, and {} enters were made",
            percore::sim::counts().enters);
  }
}

namespace {

Task<> yields_and_nops(unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    const auto result = co_await percore::nop();
    static_cast<void>(result);
    co_await rests(3);
  }
}
Task<> some_ready_some_waiting(unsigned rounds) {
  JoinHandle<void> sleeper = spawn(sleeps(2, 30'000));
  JoinHandle<void> worker = spawn(yields_and_nops(rounds));
  JoinHandle<void> yielder = spawn(rests(20 * rounds));
  co_await yielder;
  co_await worker;
  co_await sleeper;
}

}  // namespace

PERCORE_CHECK("turn", it_never_sleeps_with_work, "E3",
              "the thread sleeps only when nothing is ready", the_sleep, .seeds = 100,
              .faults = false) {
  const unsigned rounds = run.size(1, 8);
  watch_sleep();
  run.waits_for("tasks of which some are ready");
  const unsigned turn_max = 1 + static_cast<unsigned>(run.random(5));
  run_on_executor(some_ready_some_waiting(rounds),
                  {.ring = {.entries = 8}, .resumes_per_turn_max = turn_max});
}

namespace {

/// A timer as lesson 02 has it: knows a deadline and who waits for it.
struct Alarm final : Poller {
  bool poll() override {
    ++polls;
    unasked = 0;
    if (waiting.queue == nullptr || percore::now() < deadline) return false;
    std::exchange(waiting, {}).schedule();
    return true;
  }
  Time next_deadline() const override {
    require(
        ++unasked < 20,
        "a poller was asked for its deadline {} times and not once with poll() whether there is "
        "something to do",
        unasked);
    return waiting.queue == nullptr ? Time::never() : deadline;
  }
  bool prepare_to_sleep() override {
    require(
        !prepared,
        "a poller was asked prepare_to_sleep() a second time, without a cancel_sleep() in between");
    prepared = true;
    ++prepares;
    return allows;
  }
  void cancel_sleep() override {
    require(prepared, "a poller was told cancel_sleep() and had not prepared to sleep");
    prepared = false;
  }
  auto until(Time time) {
    struct Awaiter {
      Awaiter(Alarm& alarm_of, Time time_of) : alarm(alarm_of), time(time_of) {}
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> coroutine) const {
        alarm.deadline = time;
        alarm.waiting = Runnable::of(coroutine);
      }
      void await_resume() const noexcept {}
      Alarm& alarm;
      Time time;
    };
    return Awaiter(*this, time);
  }
  Time deadline = Time::never();
  Runnable waiting;
  mutable unsigned unasked = 0;
  bool allows = true;
  bool prepared = false;
  unsigned prepares = 0;
  unsigned polls = 0;
};

Task<> alarms(Alarm& alarm, unsigned times, percore::check::Run& run) {
  for (unsigned i = 0; i < times; ++i) {
    const Time deadline =
        percore::now() + Time{1 + static_cast<std::int64_t>(run.random(500'000'000))};
    co_await alarm.until(deadline);
    const std::int64_t late = (percore::now() - deadline).nanoseconds;
    require(late >= 0, "a poller's deadline was {} ns ahead when it was woken", -late);
    require(late < 1'000'000,
            "a poller had a deadline and the executor came back {} ns late: it sleeps until the "
            "earliest "
            "deadline",
            late);
  }
}
Task<> reads_one_byte(const Pipe& pipe) {
  std::byte byte{};
  const auto result = co_await percore::read(pipe.reading_end(), std::span<std::byte>(&byte, 1));
  require(result.has_value() && *result == 1, "a read of one byte from a pipe failed");
}
Task<> alarms_beside_a_read(Alarm& alarm, unsigned times, percore::check::Run& run,
                            const Pipe& quiet) {
  JoinHandle<void> reader = spawn(reads_one_byte(quiet));
  co_await alarms(alarm, times, run);
  const std::byte byte{};
  const auto written = co_await percore::write(quiet.ends[1], std::span<const std::byte>(&byte, 1));
  require(written.has_value() && *written == 1, "a write of one byte to a pipe failed");
  co_await reader;
}

}  // namespace

PERCORE_CHECK("turn", it_wakes_for_a_pollers_deadline, "E3",
              "it sleeps until the earliest deadline of its pollers", the_sleep, .seeds = 60,
              .faults = false) {
  Alarm alarm;
  const unsigned times = run.size(1, 6);
  const Pipe quiet;
  percore::sim::set_enter_budget(4 * times + 8);
  watch_sleep();
  run.waits_for("the deadline of a poller");
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(alarm);
  executor.run(run.seed() % 2 == 0 ? alarms(alarm, times, run)
                                   : alarms_beside_a_read(alarm, times, run, quiet));
  require(
      alarm.prepares != 0,
      "the executor slept, and its poller was never asked with prepare_to_sleep() whether it may");
  require(!alarm.prepared,
          "after the sleep nobody told the poller with cancel_sleep() that it is over");
  executor.remove_poller(alarm);
}

namespace {

/// Has an event at the last moment: when the executor is about to sleep.
struct LastMoment final : Poller {
  bool poll() override {
    if (!pending || waiting.queue == nullptr) return false;
    pending = false;
    std::exchange(waiting, {}).schedule();
    return true;
  }
  bool prepare_to_sleep() override {
    require(
        !prepared,
        "a poller's prepare_to_sleep() said no, and nobody told it with cancel_sleep() that the "
        "sleep did not happen");
    prepared = true;
    if (waiting.queue != nullptr) pending = true;
    return !pending;
  }
  void cancel_sleep() override { prepared = false; }
  auto event() {
    struct Awaiter {
      explicit Awaiter(LastMoment& of) : poller(of) {}
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> coroutine) const {
        poller.waiting = Runnable::of(coroutine);
      }
      void await_resume() const noexcept {}
      LastMoment& poller;
    };
    return Awaiter(*this);
  }
  Runnable waiting;
  bool pending = false;
  bool prepared = false;
};

Task<> waits_for_events(LastMoment& poller, unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await poller.event();
}

}  // namespace

PERCORE_CHECK("turn", a_poller_can_forbid_the_sleep, "E3",
              "it does not sleep when a poller has something after all", the_sleep, .seeds = 1,
              .faults = false) {
  LastMoment poller;
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(poller);
  run.waits_for("an event that a poller reports from prepare_to_sleep()");
  executor.run(waits_for_events(poller, 3));
  require(percore::sim::counts().sleeps == 0,
          "a poller's prepare_to_sleep() said no, and the executor slept {} times",
          percore::sim::counts().sleeps);
  executor.remove_poller(poller);
}

namespace {

struct Ending {
  unsigned cancelled = 0;
  unsigned refused = 0;
  unsigned ended = 0;
  bool seen_ending = false;
  bool root_ended = false;
  unsigned reads = 0;
  std::byte byte{};
};

/// Looks before each sleep whether what the end of the root demands has been done.
struct EndWatch final : Poller {
  explicit EndWatch(const Ending& of) : ending(of) {}
  bool poll() override { return false; }
  bool prepare_to_sleep() override {
    // cancel_all() has submitted its request when it returns.
    const bool cancelled = percore::sim::counts().opcodes[IORING_OP_ASYNC_CANCEL] != 0 ||
                           Executor::current().ring().in_flight() == 0;
    require(!ending.root_ended || cancelled,
            "the root task has ended, {} reads are in flight, and the executor sleeps: what is in "
            "flight is cancelled when the root has ended",
            ending.reads);
    return true;
  }
  const Ending& ending;
};

Task<> waits_for_ever(const Pipe& pipe, Ending& ending, Held held) {
  static_cast<void>(held);
  std::byte byte{};
  const std::span<std::byte> bytes(&byte, 1);
  ++ending.reads;
  const auto result = co_await percore::read(pipe.reading_end(), bytes);
  if (!result.has_value() && result.error().value() == ECANCELED) ++ending.cancelled;
  ending.seen_ending = Executor::current().ending();
  require(!ending.root_ended || ending.seen_ending,
          "ending() said no after the root's end: operations that start now would wait for ever");
  const auto again = co_await percore::read(pipe.reading_end(), bytes);
  if (!again.has_value() && again.error().value() == ECANCELED) ++ending.refused;
  co_await rests(2);
  ++ending.ended;
}
Task<int> leaves_tasks(const Pipe& pipe, Ending& ending, unsigned count, unsigned rest,
                       int& alive) {
  for (unsigned i = 0; i < count; ++i) {
    Held held(alive);
    spawn(waits_for_ever(pipe, ending, held)).detach();
  }
  co_await rests(rest);
  require(!Executor::current().ending(), "ending() says yes before the root task has ended");
  ending.root_ended = true;
  co_return 7;
}

}  // namespace

PERCORE_CHECK("turn", run_waits_for_every_task, "E6",
              "run() returns when the root task and every spawned task have ended; what is in "
              "flight is cancelled",
              the_end_of_run, .seeds = 60, .faults = false) {
  const Pipe quiet;
  const std::int64_t blocks = live_allocations();
  Ending ending;
  int alive = 0;
  const unsigned count = run.size(1, 12);
  const auto rest = static_cast<unsigned>(run.random(4));
  percore::sim::set_enter_budget(40 + 10 * count);
  run.waits_for("tasks whose reads are to be cancelled after the root task's end");
  {
    EndWatch watch(ending);  // the executor tells it of its end
    Executor executor({.ring = {.entries = 8}});
    executor.add_poller(watch);
    const int value = executor.run(leaves_tasks(quiet, ending, count, rest, alive));
    require(value == 7, "the root task gave 7 and run() gave {}", value);
    require(executor.tasks_alive() == 0 && ending.ended == count,
            "run() has returned, and {} of {} tasks that the root had spawned came to their end",
            ending.ended, count);
    require(!executor.ending(),
            "run() has returned and ending() still says yes: it could not be called again");
    require(Executor::current_or_null() == nullptr,
            "run() has returned and there still is a current executor");
    executor.remove_poller(watch);
  }
  require(ending.cancelled == count,
          "{} tasks waited for a read when the root ended, and {} of them got ECANCELED", count,
          ending.cancelled);
  require(percore::sim::counts().opcodes[IORING_OP_ASYNC_CANCEL] <= 1,
          "{} cancels were submitted when the root task had ended: one asks for everything that is "
          "in flight",
          percore::sim::counts().opcodes[IORING_OP_ASYNC_CANCEL]);
  require(ending.refused == count,
          "{} tasks started a read after the root's end, and {} of them got ECANCELED", count,
          ending.refused);
  require(ending.seen_ending, "after the root's end a task asked ending() and heard no");
  require(alive == 0, "{} tasks were left by the root, and {} of their frames were {}", count,
          alive < 0 ? -alive : alive, alive < 0 ? "freed twice" : "never freed");
  require(live_allocations() == blocks,
          "an executor is gone, and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

namespace {

Task<> root_throws(const Pipe& pipe, Ending& ending, int& alive) {
  Held held(alive);
  spawn(waits_for_ever(pipe, ending, held)).detach();
  co_await rests(3);
  throw std::out_of_range("the shelf is empty");
}
Task<int> simple() {
  const auto result = co_await percore::nop();
  co_return result.has_value() ? 3 : 4;
}

}  // namespace

PERCORE_CHECK("turn", it_can_run_again, "E6", "after run() everything is as before", the_end_of_run,
              .seeds = 20, .faults = false) {
  const Pipe quiet;
  Ending ending;
  int alive = 0;
  Executor executor({.ring = {.entries = 8}});
  std::string said = "nothing";
  run.waits_for("a root task that throws while another task waits");
  try {
    executor.run(root_throws(quiet, ending, alive));
  } catch (const std::out_of_range& error) {
    said = error.what();
  }
  require(said == "the shelf is empty", "the root task threw an exception and run() threw \"{}\"",
          said);
  require(
      ending.ended == 1,
      "the root task threw an exception, and run() did not wait for the task that it had spawned");
  run.waits_for("a second run on the same executor");
  const int value = executor.run(simple());
  require(value == 3, "run() was called a second time, and a NOP in it did not give 0");
}

namespace {

struct Never {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};
Task<> waits_for_nothing() {
  co_await Never();
}
Task<> never_stops(const bool& stop) {
  while (!stop) co_await percore::yield();
}
Task<> leaves_one_that_never_stops(const bool& stop) {
  spawn(never_stops(stop)).detach();
  co_return;
}

}  // namespace

PERCORE_CHECK("turn", waiting_for_nothing_is_said, "E3",
              "a program that can only sleep for ever ends with a sentence", the_sleep, .seeds = 1,
              .faults = false) {
  leave_open(run);
  run.waits_for("nothing: the only task waits for what can no longer happen");
  require(ends_the_program([] { run_and_leave(waits_for_nothing()); }),
          "the only task waits, nothing is in flight, no deadline is set, and run() came back");
}

namespace {

bool inner_ran;
Task<int> inner() {
  inner_ran = true;
  co_return 1;
}
Task<> nests() {
  Executor second({.ring = {.entries = 8}});
  const int value = second.run(inner());
  static_cast<void>(value);
  co_return;
}

}  // namespace

PERCORE_CHECK("turn", one_executor_for_a_thread, "E3",
              "an executor inside another one ends the program with a sentence",
              the_turn_of_the_loop, .seeds = 1, .faults = false) {
  leave_open(run);
  inner_ran = false;
  require(ends_the_program([] { run_and_leave(nests()); }),
          "a task ran an executor of its own, and the program went on: while the inner one sleeps, "
          "nobody runs the outer one");
  require(!inner_ran,
          "a task ran an executor of its own, and that ran its task: while the inner one sleeps, "
          "nobody "
          "runs the outer one");
}

PERCORE_CHECK("turn", a_task_without_end_is_said, "E6",
              "a task that goes on without end after the root's ends the program with a sentence",
              the_end_of_run, .seeds = 1, .faults = false) {
  leave_open(run);
  static bool stop;
  static unsigned rounds;
  stop = false;
  rounds = 0;
  struct Limit final : Poller {
    bool poll() override {
      require(
          ++rounds < 5000,
          "a task went on without end, and so did run(): after ending_turns_max turns it says so");
      return false;
    }
  };
  require(ends_the_program([] {
            auto* const executor = new Executor({.ring = {.entries = 8}, .ending_turns_max = 100});
            executor->add_poller(*new Limit);
            executor->run(leaves_one_that_never_stops(stop));
          }),
          "the root task has ended, another task never does, and run() came back");
}

namespace {

/// Two queues in turn, as lesson 04 has many.
struct TwoQueues final : percore::QueueScheduler {
  RunQueue* next_queue() override {
    ++asked;
    if (second == nullptr) return nullptr;
    RunQueue* const first_choice = asked % 2 == 0 ? first : second;
    RunQueue* const other = asked % 2 == 0 ? second : first;
    return !first_choice->empty() ? first_choice : !other->empty() ? other : nullptr;
  }
  void became_ready(RunQueue&) noexcept override {}
  bool anything_ready() noexcept override {
    return !first->empty() || (second != nullptr && !second->empty());
  }
  RunQueue* first = nullptr;
  RunQueue* second = nullptr;
  unsigned asked = 0;
};

struct MoveTo {
  explicit MoveTo(RunQueue& to) : queue(to) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept { queue.push(coroutine); }
  void await_resume() const noexcept {}
  RunQueue& queue;
};

Task<> stays_in(RunQueue& queue, unsigned rounds) {
  co_await MoveTo(queue);
  for (unsigned i = 0; i < rounds; ++i) {
    require(&Executor::current().running_queue() == &queue,
            "a coroutine went on in another queue than the one in which it had suspended");
    co_await percore::yield();
    const auto result = co_await percore::nop();
    static_cast<void>(result);
  }
  require(&Executor::current().running_queue() == &queue,
          "a coroutine went on in another queue than the one in which it had suspended");
}
Task<> both_queues(RunQueue& second, unsigned rounds) {
  RunQueue& first = Executor::current().running_queue();
  JoinHandle<void> there = spawn(stays_in(second, rounds));
  JoinHandle<void> here = spawn(stays_in(first, rounds));
  co_await there;
  require(&Executor::current().running_queue() == &first,
          "a coroutine awaited the JoinHandle of a task in another queue, and went on in that one");
  co_await here;
  co_await MoveTo(second);  // the root task ends in the other queue
}

}  // namespace

PERCORE_CHECK("turn", it_asks_for_the_next_queue, "E1",
              "each turn runs one queue, the one that the scheduler names", the_turn_of_the_loop,
              .seeds = 30, .faults = false) {
  TwoQueues scheduler;
  RunQueue second(&scheduler);
  Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = 3});
  scheduler.first = &executor.running_queue();
  scheduler.second = &second;
  executor.schedule_queues_with(&scheduler);
  run.waits_for("tasks in two queues");
  executor.run(both_queues(second, run.size(1, 10)));
  require(&executor.running_queue() == scheduler.first,
          "after run() another queue than the executor's own is the running one");
  executor.schedule_queues_with(nullptr);
}

namespace {

/// Gives each turn so many resumes, and watches that it gets no more.
struct Meter final : percore::QueueScheduler {
  RunQueue* next_queue() override {
    require(!turn_runs,
            "the next queue was asked for, and the turn of the last had not been ended");
    turn_runs = true;
    left = given;
    ++turns;
    return nullptr;
  }
  void became_ready(RunQueue&) noexcept override {}
  bool anything_ready() noexcept override { return false; }
  unsigned quantum_left() noexcept override { return left; }
  void end_turn() noexcept override {
    require(turn_runs, "a turn was ended that had not begun: next_queue() begins it");
    turn_runs = false;
  }
  void count() {
    require(turn_runs, "a coroutine was resumed and its queue had not been asked for");
    require(
        left != 0,
        "a coroutine was resumed after the scheduler had said that its queue's quantum is over");
    --left;
  }
  unsigned given = 0;
  unsigned left = 0;
  unsigned turns = 0;
  bool turn_runs = false;
};

Task<> is_counted(Meter& meter, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    meter.count();
    co_await percore::yield();
  }
  meter.count();
}
Task<> are_counted(Meter& meter, unsigned tasks, unsigned times) {
  meter.count();
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < tasks; ++i) handles.push_back(spawn(is_counted(meter, times)));
  for (auto& handle : handles) {
    if (handle.done()) continue;
    co_await handle;
    meter.count();
  }
}

}  // namespace

PERCORE_CHECK("turn", a_turn_ends_when_the_scheduler_says, "E2",
              "no more of one queue is resumed than its scheduler allows", the_turn_of_the_loop,
              .seeds = 30, .faults = false) {
  Meter meter;
  meter.given = run.size(1, 5);
  const unsigned tasks = run.size(1, 6);
  const unsigned times = run.size(0, 6);
  Executor executor({.ring = {.entries = 8}});
  executor.schedule_queues_with(&meter);
  run.waits_for("tasks whose turns a scheduler ends");
  executor.run(are_counted(meter, tasks, times));
  executor.schedule_queues_with(nullptr);
  require(!meter.turn_runs, "run() has returned and the last turn was not ended");
  require(meter.turns >= (tasks * (times + 1) + meter.given) / meter.given,
          "{} resumes were made in {} turns of at most {}", tasks * (times + 1) + 1, meter.turns,
          meter.given);
}

namespace {

Task<> waits_for_the_alarm(Alarm& alarm, bool beside_an_operation, unsigned& ended) {
  for (int i = 0; i < 1000; ++i) {
    if (Executor::current().ending()) break;
    co_await percore::yield();
  }
  require(Executor::current().ending(), "ending() said no after the root's end");
  const Time deadline = percore::now() + Time{3'000'000};
  JoinHandle<void> operation =
      spawn(sleeps(beside_an_operation ? 1U : 0U, 2 * deadline.nanoseconds + 9'000'000));
  co_await alarm.until(deadline);
  const std::int64_t late = (percore::now() - deadline).nanoseconds;
  require(late >= 0 && late < 1'000'000,
          "a task waited for a poller's deadline after the root's end, and went on {} ns {}",
          late < 0 ? -late : late, late < 0 ? "too early" : "late");
  co_await operation;
  ++ended;
}
Task<> leaves_one_to_the_alarm(Alarm& alarm, bool beside_an_operation, unsigned& ended) {
  spawn(waits_for_the_alarm(alarm, beside_an_operation, ended)).detach();
  co_return;
}

}  // namespace

PERCORE_CHECK("turn", after_the_root_pollers_still_wake, "E6",
              "after the root's end pollers are asked and their deadlines kept as before",
              the_end_of_run, .seeds = 20, .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  options.interrupted_waits_percent = run.seed() % 4 < 2 ? 0 : 40;
  run.restart(options);
  run.waits_for("a poller's deadline, after the root task's end");
  Alarm alarm;
  unsigned ended = 0;
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(alarm);
  const bool beside_an_operation = run.seed() % 2 == 1;
  const auto words =
      last_words([&] { executor.run(leaves_one_to_the_alarm(alarm, beside_an_operation, ended)); });
  require(!words.has_value(),
          "after the root's end a task waited for a poller's deadline, and the program ended: {}",
          words.value_or(""));
  require(
      ended == 1,
      "after the root's end a task waited for a poller's deadline, and run() returned before it "
      "had ended");
  executor.remove_poller(alarm);
}

namespace {

Task<> leaves_one_that_waits_for_nothing() {
  spawn(waits_for_nothing()).detach();
  co_await rests(2);
}

}  // namespace

PERCORE_CHECK("turn", after_the_root_nobody_can_wake_is_said, "E6",
              "a task that nobody can wake after the root's end ends the program with a sentence",
              the_end_of_run, .seeds = 1, .faults = false) {
  leave_open(run);
  run.waits_for("nothing: a task is left that nobody can wake");
  const auto words = last_words([] { run_and_leave(leaves_one_that_waits_for_nothing()); });
  require(words.has_value(),
          "the root task has ended, another waits for what can no longer happen, and run() came "
          "back");
  require(
      words->find("can no longer happen") != words->npos,
      "the root task has ended and another waits for what can no longer happen, and the program "
      "ended with other words: {}",
      *words);
}

namespace {

/// As a doorbell does it: waits with an operation of its own, which it starts before the sleep.
struct Doorbell final : Poller, percore::Operation {
  Doorbell() : Operation(&Doorbell::rang) {}
  bool poll() override { return false; }
  bool prepare_to_sleep() override {
    if (waiting.queue == nullptr || armed) return true;
    armed = true;
    io_uring_prep_timeout(&Executor::current().ring().entry(*this), &time, 0, 0);
    return true;
  }
  static void rang(Operation& self, std::int32_t, std::uint32_t) noexcept {
    std::exchange(static_cast<Doorbell&>(self).waiting, {}).schedule();
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) { waiting = Runnable::of(coroutine); }
  void await_resume() const noexcept {}
  Runnable waiting;
  bool armed = false;
  __kernel_timespec time{0, 1'000'000};
};
Task<> waits_for_the_bell(Doorbell& bell) {
  co_await bell;
}

}  // namespace

PERCORE_CHECK("turn", a_poller_can_wait_with_an_operation, "E3",
              "what a poller starts in prepare_to_sleep() counts as in flight", the_sleep,
              .seeds = 1, .faults = false) {
  leave_open(run);
  run.waits_for("an operation that a poller starts before the sleep");
  Doorbell bell;
  Executor executor({.ring = {.entries = 8}});
  executor.add_poller(bell);
  const auto words = last_words([&] { executor.run(waits_for_the_bell(bell)); });
  require(!words.has_value(),
          "a poller started an operation in prepare_to_sleep(), and the program ended: {}",
          words.value_or(""));
  executor.remove_poller(bell);
}

namespace {

/// A doorbell that finds the submission queue full: its entry makes the ring submit and collect.
struct LateBell final : Poller, percore::Operation {
  explicit LateBell(int from)
      : Operation([](Operation&, std::int32_t, std::uint32_t) noexcept {}), fd(from) {}
  bool poll() override { return false; }
  bool prepare_to_sleep() override {
    if (!in_flight())
      io_uring_prep_read(&Executor::current().ring().entry(*this), fd, &byte, 1, -1);
    return true;
  }
  int fd;
  std::byte byte{};
};
Task<> asks_for_nops(unsigned count) {
  for (unsigned i = 0; i < count; ++i) co_await percore::nop();
}

}  // namespace

PERCORE_CHECK("turn", what_a_poller_collects_is_not_slept_over, "E3",
              "what becomes ready while pollers prepare to sleep goes on before the sleep",
              the_sleep, .seeds = 1, .faults = false) {
  auto options = run.options();
  options.inline_percent = 100;
  run.restart(options);
  watch_sleep();
  const Pipe quiet;
  LateBell bell(quiet.reading_end());
  Executor executor({.ring = {.entries = 1}});
  executor.add_poller(bell);
  run.waits_for("a completion that a poller's entry() collected in prepare_to_sleep()");
  executor.run(asks_for_nops(3));
  executor.remove_poller(bell);
}

namespace {

Task<> alarm_in(RunQueue& queue, Alarm& alarm) {
  co_await MoveTo(queue);
  co_await alarm.until(percore::now() + Time{1'000'000});
}
Task<> sleeps_in_one_queue_and_wakes_in_the_other(RunQueue& second, Alarm& alarm) {
  JoinHandle<void> there = spawn(alarm_in(second, alarm));
  co_await sleeps(1, 300'000);  // the last that runs before the alarm is in the first queue
  co_await there;
}

}  // namespace

PERCORE_CHECK("turn", what_a_poller_wakes_is_seen_at_once, "E1",
              "the queue is chosen after the pollers have looked", the_turn_of_the_loop, .seeds = 1,
              .faults = false) {
  leave_open(run);
  TwoQueues scheduler;
  RunQueue second(&scheduler);
  Alarm alarm;
  Executor executor({.ring = {.entries = 8}});
  scheduler.first = &executor.running_queue();
  scheduler.second = &second;
  executor.schedule_queues_with(&scheduler);
  executor.add_poller(alarm);
  struct Queues {
    RunQueue* first;
    RunQueue* second;
  } queues{scheduler.first, &second};
  percore::sim::set_ready_probe(
      [](void* both) {
        const auto* const two = static_cast<Queues*>(both);
        return two->first->size() + two->second->size();
      },
      &queues);
  run.waits_for("a task in another queue that a poller wakes");
  const auto words =
      last_words([&] { executor.run(sleeps_in_one_queue_and_wakes_in_the_other(second, alarm)); });
  percore::sim::set_ready_probe(nullptr);
  require(!words.has_value(),
          "a poller woke a task of another queue, and the executor did not see it: {}",
          words.value_or(""));
  executor.remove_poller(alarm);
  executor.schedule_queues_with(nullptr);
}

namespace {

Task<> leaves_one_that_rests(unsigned yields) {
  spawn(rests(yields)).detach();
  co_return;
}

}  // namespace

PERCORE_CHECK("turn", who_needs_a_few_turns_gets_them, "E6",
              "after the root's end tasks have ending_turns_max turns, in each run()",
              the_end_of_run, .seeds = 1, .faults = false) {
  leave_open(run);
  Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = 1, .ending_turns_max = 500});
  for (unsigned round = 1; round <= 3; ++round) {
    const auto words = last_words([&] { executor.run(leaves_one_that_rests(300)); });
    require(!words.has_value(),
            "after the root's end a task needed 300 turns, ending_turns_max is 500, and run() "
            "number {} ended the program: {}",
            round, words.value_or(""));
  }
}

PERCORE_ORACLE(sleeps_with_work, "E3", "the thread sleeps only when nothing is ready",
               "Lesson 01, *The sleep*");
PERCORE_ORACLE(too_many_enters, "E3",
               "the thread sleeps when nothing is ready, in one io_uring_enter",
               "Lesson 01, *The sleep*");
PERCORE_ORACLE(spins_for_ever, "E3",
               "the thread sleeps when nothing is ready, in one io_uring_enter",
               "Lesson 01, *The sleep*");
