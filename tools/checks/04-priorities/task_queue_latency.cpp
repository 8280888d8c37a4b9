// 04.5 task_queue, step latency: giving way, and the bound.

#include "task_queue_support.hpp"

using namespace checks;
using percore::need_preempt;
using percore::spawn_into;
using percore::yield_if_needed;

namespace {

constexpr Time an_hour{3'600'000 * ms};

Task<> sets(bool& ran) {
  ran = true;
  co_return;
}
Task<> goes_on_alone(std::int64_t quantum) {
  bool ran = false;
  JoinHandle<void> other = spawn(sets(ran));
  co_await percore::yield();  // the other has ended; this turn is new
  ran = false;
  JoinHandle<void> another = spawn(sets(ran));
  const std::int64_t began = clock_ns();
  const auto enters = percore::sim::counts().enters;
  for (int i = 0; i < 10 && clock_ns() - began + 2 * looks_ns < quantum / 2; ++i) {
    require(!need_preempt(),
            "a quantum of {} us began at most {} us ago, nobody with a bound has woken, and "
            "need_preempt() says yes",
            quantum / us, (clock_ns() - began) / us);
    co_await yield_if_needed();
    require(!ran, "need_preempt() says no, and yield_if_needed() let another task run");
  }
  require(percore::sim::counts().enters == enters, "asking need_preempt() made {} enters",
          percore::sim::counts().enters - enters);
  compute(quantum);
  require(need_preempt(), "a task computed for a whole quantum, and need_preempt() says no");
  co_await yield_if_needed();
  require(ran, "need_preempt() says yes, and yield_if_needed() let nobody run");
  co_await other;
  co_await another;
}
Task<> one_goes_on(TaskQueue& queue, std::int64_t quantum) {
  JoinHandle<void> handle = spawn_into(queue, goes_on_alone(quantum));
  co_await handle;
}

}  // namespace

PERCORE_CHECK("latency", it_says_yes_when_the_quantum_is_over, "Q4",
              "need_preempt() says yes when the quantum is over", giving_way, .seeds = 40,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  const std::int64_t quantum = from_to(run, 20, 900) * us;
  TaskQueues queues(executor, {.quantum = Time{quantum}});
  run.waits_for("a task that asks need_preempt()");
  executor.run(one_goes_on(queues.add({.name = "queue"}), quantum));
}

namespace {

Task<> waits(percore::Event& event, bool& woken) {
  co_await event.wait();
  woken = true;
}
Task<> wakes(TaskQueues& queues, TaskQueue& heavy, TaskQueue& other, TaskQueue& urgent) {
  percore::Event event;
  percore::Event of_other;
  bool urgent_woken = false;
  bool other_woken = false;
  JoinHandle<void> first = spawn_into(urgent, waits(event, urgent_woken));
  JoinHandle<void> second = spawn_into(other, waits(of_other, other_woken));
  const auto slept = co_await percore::sleep_for(Time{10 * us});  // both wait now
  static_cast<void>(slept);
  require_runs_in(queues, heavy);
  require(!need_preempt(), "a quantum has just begun, and need_preempt() says yes");
  of_other.set();
  require(!need_preempt(), "a queue without a bound has woken, and need_preempt() says yes");
  event.set();
  require(need_preempt(), "a queue with a bound has woken, and need_preempt() says no");
  compute(10 * us);
  co_await yield_if_needed();
  require(urgent_woken, "a queue with a bound has woken, a task gave way, and went on before it");
  co_await first;
  co_await second;
}
Task<> one_wakes(TaskQueues& queues, TaskQueue& heavy, TaskQueue& other, TaskQueue& urgent) {
  JoinHandle<void> handle = spawn_into(heavy, wakes(queues, heavy, other, urgent));
  co_await handle;
}

}  // namespace

PERCORE_CHECK("latency", a_wake_up_ends_the_quantum, "Q4",
              "need_preempt() says yes when a queue with a bound has become ready", giving_way,
              .seeds = 10, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = an_hour});
  TaskQueue& heavy = queues.add({.name = "heavy"});
  TaskQueue& other = queues.add({.name = "other"});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = an_hour});
  run.waits_for("a task that wakes one of a queue with a bound");
  executor.run(one_wakes(queues, heavy, other, urgent));
}

namespace {

Task<> one_nop() {
  const auto done = co_await percore::nop();
  static_cast<void>(done);
}
Task<> sleeps(std::int64_t nanoseconds) {
  const auto slept = co_await percore::sleep_for(Time{nanoseconds});
  static_cast<void>(slept);
}
Task<> asks_beside_a_nop(bool with_bound, TaskQueue& other) {
  JoinHandle<void> nop = spawn_into(other, one_nop());
  const auto slept = co_await percore::sleep_for(Time{1});  // the nop has been handed over
  static_cast<void>(slept);
  if (nop.done()) {
    co_await nop;
    co_return;
  }
  auto& ring = Executor::current().ring();
  for (int i = 0; i < 100 && !ring.has_completions(); ++i) compute(us);
  if (!nop.done() && ring.has_completions()) {
    require(
        need_preempt() == with_bound, "a completion is there, {}, and need_preempt() says {}",
        with_bound ? "a queue with a bound sleeps and may wait for it" : "and no queue has a bound",
        with_bound ? "no" : "yes");
  }
  co_await nop;
}
Task<> one_asks(bool with_bound, TaskQueue& heavy, TaskQueue& other) {
  JoinHandle<void> asks = spawn_into(heavy, asks_beside_a_nop(with_bound, other));
  co_await asks;
}

}  // namespace

PERCORE_CHECK("latency", completions_may_be_for_a_queue_with_a_bound, "Q4",
              "need_preempt() says yes when completions are there that a queue with a bound may "
              "wait for",
              giving_way, .seeds = 60, .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = an_hour});
  const bool with_bound = run.chance(70);
  TaskQueue& heavy = queues.add({.name = "heavy"});
  TaskQueue& other = queues.add({.name = "other"});
  if (with_bound) queues.add({.name = "urgent", .latency = an_hour});
  run.waits_for("a task that asks need_preempt() beside a NOP in flight");
  executor.run(one_asks(with_bound, heavy, other));
}

namespace {

struct Order {
  bool other_queue_ran = false;
  bool own_task_ran = false;
};
Task<> notes_other(Order& order) {
  order.other_queue_ran = true;
  co_return;
}
Task<> notes_own(Order& order) {
  require(order.other_queue_ran,
          "a task gave way, and another task of its own queue ran, while a queue with less virtual "
          "time waited: it is the queue that gives way, and not the task alone");
  order.own_task_ran = true;
  co_return;
}
Task<> gives_way(TaskQueue& other, TaskQueue& third, Order& order) {
  JoinHandle<void> nop = spawn_into(third, one_nop());
  const auto slept = co_await percore::sleep_for(Time{1});
  static_cast<void>(slept);
  compute(10 * us);
  auto& ring = Executor::current().ring();
  for (int i = 0; i < 100 && !ring.has_completions(); ++i) compute(us);
  if (!need_preempt()) {  // it completed before this task went on
    co_await nop;
    co_return;
  }
  JoinHandle<void> there = spawn_into(other, notes_other(order));
  JoinHandle<void> here = spawn(notes_own(order));
  co_await yield_if_needed();
  require(order.other_queue_ran,
          "a task gave way, and went on before a queue with less virtual time had a turn");
  co_await there;
  co_await here;
  co_await nop;
}
Task<> one_gives_way(TaskQueue& heavy, TaskQueue& other, TaskQueue& third, TaskQueue& urgent,
                     Order& order) {
  JoinHandle<void> far = spawn_into(urgent, sleeps(50 * ms));
  JoinHandle<void> handle = spawn_into(heavy, gives_way(other, third, order));
  co_await handle;
  co_await far;
}

}  // namespace

PERCORE_CHECK("latency", the_queue_gives_way_not_the_task_alone, "Q5",
              "yield_if_needed() ends the quantum: the queue gives way", giving_way, .seeds = 40,
              .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = an_hour});
  TaskQueue& heavy = queues.add({.name = "heavy", .shares = 10});
  TaskQueue& other = queues.add({.name = "other"});
  TaskQueue& third = queues.add({.name = "third"});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = an_hour});
  Order order;
  run.waits_for("a task that gives way");
  executor.run(one_gives_way(heavy, other, third, urgent, order));
}

namespace {

struct Served {
  Busy& busy;
  Time bound;
  std::int64_t work = 0;
  std::int64_t pause = 0;
  std::int64_t late_max = 0;
  unsigned times = 0;
};
Task<> is_served(Served& served) {
  while (clock_ns() < served.busy.until) {
    const Time deadline = now() + Time{served.pause};
    const auto slept = co_await percore::sleep_until(deadline);
    static_cast<void>(slept);
    const std::int64_t late = (now() - deadline).nanoseconds;
    require(late <= served.bound.nanoseconds,
            "a queue with a bound of {} us went on {} us after its deadline, beside tasks that "
            "compute for at most {} us between two looks",
            served.bound.nanoseconds / us, late / us, served.busy.seen.front().chunk_max / us);
    served.late_max = std::max(served.late_max, late);
    ++served.times;
    compute(served.work);
  }
}
Task<> computes_and_asks(Busy& busy, std::size_t at) {
  while (clock_ns() < busy.until) {
    compute(from_to(busy.run, 1, busy.seen[at].chunk_max));
    co_await yield_if_needed();
  }
}
Task<> urgent_beside_heavy(Served& served, TaskQueue& urgent) {
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn_into(urgent, is_served(served)));
  for (std::size_t at = 0; at < served.busy.seen.size(); ++at)
    for (int task = 0; task < 2; ++task)
      handles.push_back(
          spawn_into(*served.busy.seen[at].queue, computes_and_asks(served.busy, at)));
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("latency", served_within_its_bound, "Q6",
              "a queue with a bound that keeps within its share is resumed within it", the_bound,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{from_to(run, 1, 10) * ms}});
  Busy busy{run};
  Served served{busy, Time{from_to(run, 50, 500) * us}};
  for (unsigned i = 0; i < run.size(1, 4); ++i)
    busy.seen.push_back(
        {&queues.add({.name = "heavy", .shares = static_cast<unsigned>(from_to(run, 1, 1000))}),
         served.bound.nanoseconds / 4});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = served.bound});
  served.pause = from_to(run, 500, 2000) * us;
  served.work = served.pause / 10;  // its share is more than this
  busy.until = clock_ns() + run.size(3, 15) * ms;
  run.waits_for("a queue with a bound beside busy ones");
  executor.run(urgent_beside_heavy(served, urgent));
  const auto& statistics = urgent.statistics();
  require(statistics.bounds_missed == 0,
          "every wake-up was served within its bound, and bounds_missed is {}",
          statistics.bounds_missed);
  require(statistics.wait_max.nanoseconds <= served.bound.nanoseconds,
          "every wake-up was served within {} us, and wait_max is {} us",
          served.bound.nanoseconds / us, statistics.wait_max.nanoseconds / us);
}

PERCORE_CHECK("latency", a_bound_gives_no_more_than_its_share, "F3",
              "a queue with a bound that wants more than its share waits as others do", the_bound,
              .seeds = 30, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  const Time bound{from_to(run, 100, 400) * us};
  TaskQueues queues(executor);
  Busy busy{run, bound.nanoseconds / 2};
  const std::int64_t chunk = from_to(run, 1, 20) * us;
  busy.seen.push_back(
      {&queues.add({.name = "plain", .shares = static_cast<unsigned>(from_to(run, 100, 1000))}),
       chunk});
  busy.seen.push_back({&queues.add({.name = "greedy", .shares = 100, .latency = bound}), chunk});
  busy.until = clock_ns() + run.size(2, 10) * ms;
  run.waits_for("a queue with a bound that is always busy");
  executor.run(all_compute(busy, 1));
  busy.account();
}

namespace {

Task<> notes_when(std::int64_t& when) {
  when = clock_ns();
  co_return;
}
Task<> lets_wait(TaskQueue& urgent, std::int64_t pause) {
  std::int64_t when = 0;
  const auto slept = co_await percore::sleep_for(Time{us});  // its own quantum has just begun
  static_cast<void>(slept);
  const std::int64_t spawned = clock_ns();
  JoinHandle<void> handle = spawn_into(urgent, notes_when(when));
  compute(pause);
  co_await yield_if_needed();
  const auto& statistics = urgent.statistics();
  const std::int64_t waited = when - spawned;
  require(when != 0, "a queue with a bound had something to run, a task gave way, and it did not");
  require(statistics.wait_max.nanoseconds <= waited &&
              statistics.wait_max.nanoseconds + 2 * looks_ns >= waited,
          "a queue woke, waited for {} us, and its wait_max is {} us", waited / us,
          statistics.wait_max.nanoseconds / us);
  co_await handle;
}
Task<> one_lets_wait(TaskQueue& heavy, TaskQueue& urgent, std::int64_t pause) {
  JoinHandle<void> handle = spawn_into(heavy, lets_wait(urgent, pause));
  co_await handle;
}

}  // namespace

PERCORE_CHECK("latency", a_missed_bound_is_counted, "Q6", "wait_max and bounds_missed tell",
              the_bound, .seeds = 30, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  const std::int64_t bound = from_to(run, 50, 500) * us;
  TaskQueue& heavy = queues.add({.name = "heavy"});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = Time{bound}});
  const bool misses = run.chance(50);
  run.waits_for("a task that lets a queue with a bound wait");
  executor.run(one_lets_wait(heavy, urgent, misses ? bound + 10 * us : bound / 2));
  require(urgent.statistics().bounds_missed == (misses ? 1U : 0U),
          "a queue with a bound of {} us waited {}, and bounds_missed is {}", bound / us,
          misses ? "longer" : "half of that", urgent.statistics().bounds_missed);
}

PERCORE_ORACLE(sleeps_for_ever, "Q5", "who gives way goes on", "Lesson 04, *Giving way*");
