// 04.5 task_queue, step turn: whose turn it is, for how long, and what it costs.

#include "task_queue_support.hpp"

using namespace checks;

namespace {

Task<> lives_in(TaskQueues& queues, TaskQueue& home, unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    require_runs_in(queues, home);
    compute(10 * us);
    co_await percore::yield();
    require_runs_in(queues, home);
    const auto done = co_await percore::nop();
    static_cast<void>(done);
    require_runs_in(queues, home);
    const auto slept = co_await percore::sleep_for(Time{30 * us});
    static_cast<void>(slept);
  }
  require_runs_in(queues, home);
}
Task<> everywhere(TaskQueues& queues, std::vector<TaskQueue*> homes, unsigned rounds) {
  std::vector<JoinHandle<void>> handles;
  for (TaskQueue* home : homes) {
    handles.push_back(spawn(lives_in(queues, *home, rounds), home->run_queue()));
    handles.push_back(spawn(lives_in(queues, *home, rounds), home->run_queue()));
  }
  handles.push_back(spawn(lives_in(queues, queues.default_queue(), rounds)));
  for (auto& handle : handles) co_await handle;
  require_runs_in(queues, queues.default_queue());
}

}  // namespace

PERCORE_CHECK("turn", each_queue_has_its_turns, "Q3", "a queue that has something to run has turns",
              the_quantum, .seeds = 30, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  std::vector<TaskQueue*> homes;
  for (unsigned i = 0; i < run.size(1, 6); ++i)
    homes.push_back(
        &queues.add({.name = "home", .shares = 1 + static_cast<unsigned>(run.random(1000))}));
  run.waits_for("tasks that sleep and yield in several queues");
  for (int again = 0; again < 2; ++again) executor.run(everywhere(queues, homes, run.size(1, 5)));
  for (TaskQueue* home : homes) {
    const auto& statistics = home->statistics();
    require(statistics.wake_ups >= 2,
            "a queue was empty and filled again and again, and counts {} wake-ups",
            statistics.wake_ups);
    require(statistics.quanta >= statistics.wake_ups, "a queue woke {} times and counts {} quanta",
            statistics.wake_ups, statistics.quanta);
  }
}

namespace {

Task<> naps(unsigned times, std::int64_t work, std::int64_t nap) {
  for (unsigned i = 0; i < times; ++i) {
    compute(work);
    const auto slept = co_await percore::sleep_for(Time{nap});
    static_cast<void>(slept);
  }
}
Task<> one_naps(TaskQueue& queue, unsigned times, std::int64_t work, std::int64_t nap) {
  JoinHandle<void> handle = spawn(naps(times, work, nap), queue.run_queue());
  co_await handle;
}

}  // namespace

PERCORE_CHECK("turn", charged_for_its_tasks_and_nothing_else, "Q2",
              "a queue is charged for the time in which its tasks ran", the_account, .seeds = 60,
              .faults = false) {
  auto options = run.options();
  options.inline_percent = 0;
  run.restart(options);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  TaskQueue& queue = queues.add({.name = "naps"});
  const unsigned times = run.size(1, 20);
  const std::int64_t work = from_to(run, 1, 100) * us;
  run.waits_for("a task that naps");
  executor.run(one_naps(queue, times, work, 5 * ms));
  const std::int64_t charged = queue.statistics().time.nanoseconds;
  const std::int64_t computed = work * times;
  require(charged >= computed, "a queue's task computed for {} us, and it was charged for {} us",
          computed / us, charged / us);
  require(
      charged < 5 * ms,
      "a queue's task computed for {} us and slept {} times for 5 ms, and it was charged for {} "
      "us: sleep is nobody's time",
      computed / us, times, charged / us);
  require(charged <= computed + (times + 1) * looks_ns,
          "a queue's task computed for {} ns in {} turns, and it was charged for {} ns: looks at "
          "the ring are nobody's time",
          computed, times + 1, charged);
  require(queue.statistics().wake_ups == times + 1,
          "a queue filled {} times, and counts {} wake-ups", times + 1,
          queue.statistics().wake_ups);
}

PERCORE_CHECK("turn", busy_queues_get_what_their_shares_say, "F3",
              "two that stay ready depart from their shares by a turn of each at most", fairness,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  Busy busy{run, from_to(run, 20, 400) * us};
  TaskQueues queues(executor, {.quantum = Time{busy.quantum}});
  const unsigned count = run.size(2, 4);
  for (unsigned i = 0; i < count; ++i) {
    const auto shares =
        static_cast<unsigned>(run.seed() == 0 ? (i == 0 ? 1000 : 100) : from_to(run, 1, 1000));
    busy.seen.push_back(
        {&queues.add({.name = "busy", .shares = shares}), from_to(run, 1, 40) * us});
  }
  busy.until = clock_ns() + run.size(1, 5) * ms;
  run.waits_for("busy queues");
  executor.run(all_compute(busy, 1 + static_cast<unsigned>(run.random(3))));
  busy.account();
}

namespace {

/// Who ran when, as stretches of one queue.
struct Log {
  std::int64_t quantum = 0;
  std::int64_t until = 0;
  std::int64_t chunk = 0;
  TaskQueue* last = nullptr;
  std::int64_t began = 0;
  std::int64_t computed = 0;  // since then
  unsigned stretches = 0;

  void runs(TaskQueue& queue) {
    if (last != &queue) {
      if (last != nullptr && stretches > 1) ended();
      last = &queue;
      began = clock_ns();
      computed = 0;
      ++stretches;
    }
    compute(chunk);
    computed += chunk;
  }
  void ended() const {
    require(computed + looks_ns >= quantum,
            "a busy queue gave way after {} us, and the quantum is {} us", computed / us,
            quantum / us);
    require(computed <= quantum + quantum / 8 + chunk,
            "a queue ran for {} us in one go while another one waited; the quantum is {} us and "
            "its tasks take {} us each",
            computed / us, quantum / us, chunk / us);
  }
};
Task<> logs(Log& log, TaskQueue& queue) {
  while (clock_ns() < log.until) {
    log.runs(queue);
    co_await percore::yield();
  }
}
Task<> two_log(Log& log, TaskQueue& first, TaskQueue& second) {
  std::vector<JoinHandle<void>> handles;
  for (TaskQueue* queue : {&first, &second, &first, &second})
    handles.push_back(spawn(logs(log, *queue), queue->run_queue()));
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("turn", a_quantum_lasts_as_long_as_it_says, "Q3",
              "a busy queue runs until the first look at the clock after its quantum", the_quantum,
              .seeds = 60, .faults = false) {
  // The turns of the executor are short: a quantum lasts for several.
  Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = 3});
  Log log{.quantum = from_to(run, 50, 900) * us};
  log.chunk = from_to(run, 1, log.quantum / us / 4) * us;
  TaskQueues queues(executor, {.quantum = Time{log.quantum}});
  TaskQueue& first = queues.add({.name = "first", .shares = 300});
  TaskQueue& second = queues.add({.name = "second", .shares = 300});
  log.until = clock_ns() + 8 * log.quantum;
  run.waits_for("two busy queues");
  executor.run(two_log(log, first, second));
  require(log.stretches >= 6, "two busy queues with equal shares had {} stretches in 8 quanta",
          log.stretches);
}

namespace {

Task<> relay(unsigned left) {
  compute(us);
  if (left != 0) spawn(relay(left - 1)).detach();  // its queue is empty at this moment
  co_return;
}
Task<> starts_relay(TaskQueue& queue, unsigned count) {
  spawn(relay(count), queue.run_queue()).detach();
  while (queue.statistics().time.nanoseconds < (count + 1) * us) {
    const auto slept = co_await percore::sleep_for(Time{20 * us});
    static_cast<void>(slept);
  }
}

}  // namespace

PERCORE_CHECK("turn", filling_in_its_own_turn_is_no_wake_up, "Q3",
              "a queue that empties and fills in its own turn has been ready all the time",
              the_quantum, .seeds = 20, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  TaskQueue& queue = queues.add({.name = "relay"});
  const unsigned count = run.size(1, 50);
  run.waits_for("tasks of which each spawns the next");
  executor.run(starts_relay(queue, count));
  require(queue.statistics().wake_ups == 1,
          "a queue whose every task spawned the next was never empty between two turns, and counts "
          "{} wake-ups",
          queue.statistics().wake_ups);
}

PERCORE_CHECK("turn", the_executors_own_queue_takes_part, "Q3",
              "the executor's own queue has 1000 shares", the_quantum, .seeds = 40,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  Busy busy{run, 50 * us};
  TaskQueues queues(executor, {.quantum = Time{busy.quantum}});
  busy.seen.push_back({&queues.default_queue(), 5 * us});
  busy.seen.push_back(
      {&queues.add({.name = "other", .shares = static_cast<unsigned>(from_to(run, 100, 1000))}),
       5 * us});
  busy.until = clock_ns() + 3 * ms;
  run.waits_for("the executor's own queue, beside another one");
  executor.run(all_compute(busy, 1));
  require(busy.seen[0].computed > 0 && busy.seen[1].computed > 0,
          "the executor's own queue computed for {} us and another for {} us",
          busy.seen[0].computed / us, busy.seen[1].computed / us);
}

PERCORE_CHECK("turn", nobody_starves, "F5", "nobody starves", fairness, .seeds = 10,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  Busy busy{run, 20 * us};
  TaskQueues queues(executor, {.quantum = Time{busy.quantum}});
  busy.seen.push_back({&queues.add({.name = "much", .shares = 1000}), 5 * us});
  busy.seen.push_back({&queues.add({.name = "little", .shares = 10}), 5 * us});
  busy.until = clock_ns() + 6 * ms;
  run.waits_for("a queue with 10 shares beside one with 1000");
  executor.run(all_compute(busy, 2));
  require(busy.seen[1].computed >= 20 * us,
          "a queue with 10 shares was busy beside one with 1000, and got {} us of 6 ms",
          busy.seen[1].computed / us);
}

PERCORE_ORACLE(sleeps_for_ever, "Q3", "a queue that has something to run has turns",
               "Lesson 04, *The quantum*");
