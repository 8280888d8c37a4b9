// 04.5 task_queue, step move: into which queue a task goes, and shares that change.

#include "task_queue_support.hpp"

using namespace checks;
using percore::move_to;
using percore::spawn_into;

namespace {

struct Queues {
  TaskQueues& queues;
  std::vector<TaskQueue*> all;
};

Task<> child(Queues& its, TaskQueue& home) {
  require_runs_in(its.queues, home);
  co_await percore::yield();
  require_runs_in(its.queues, home);
}
/// A life of moves and children, drawn from the seed.
Task<> wanders(Run& run, Queues& its, TaskQueue& begin, unsigned steps) {
  TaskQueue* home = &begin;
  std::vector<JoinHandle<void>> children;
  for (unsigned i = 0; i < steps; ++i) {
    require_runs_in(its.queues, *home);
    TaskQueue& other = *its.all[run.random(its.all.size())];
    switch (run.random(4)) {
      case 0:
        co_await move_to(other);
        home = &other;
        break;
      case 1:
        children.push_back(spawn_into(other, child(its, other)));
        break;
      case 2: {
        JoinHandle<void> inherits = spawn(child(its, *home));
        co_await inherits;
        break;
      }
      default: {
        const auto slept = co_await percore::sleep_for(Time{10 * us});
        static_cast<void>(slept);
      }
    }
  }
  for (auto& one : children) co_await one;
  require_runs_in(its.queues, *home);
}
Task<> all_wander(Run& run, Queues& its, unsigned tasks, unsigned steps) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < tasks; ++i) {
    TaskQueue& home = *its.all[i % its.all.size()];
    handles.push_back(spawn_into(home, wanders(run, its, home, steps)));
  }
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("move", a_task_is_where_it_went, "Q1",
              "a task and what it waits for go on in its own queue", queue_of_a_task, .seeds = 100,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  Queues its{queues, {&queues.default_queue()}};
  for (unsigned i = 0; i < run.size(1, 4); ++i)
    its.all.push_back(
        &queues.add({.name = "queue", .shares = 1 + static_cast<unsigned>(run.random(1000))}));
  run.waits_for("tasks that move from queue to queue");
  executor.run(all_wander(run, its, run.size(1, 8), run.size(1, 12)));
}

namespace {

Task<> moves_on(TaskQueue& to) {
  co_await move_to(to);
}
Task<> is_taken_along(TaskQueues& queues, TaskQueue& from, TaskQueue& to) {
  require_runs_in(queues, from);
  co_await moves_on(to);
  require_runs_in(queues, to);
}
Task<> takes_along(TaskQueues& queues, TaskQueue& from, TaskQueue& to) {
  JoinHandle<void> handle = spawn_into(from, is_taken_along(queues, from, to));
  co_await handle;
}

Task<> sets(bool& ran) {
  ran = true;
  co_return;
}
Task<> stays(TaskQueue& here) {
  bool ran = false;
  JoinHandle<void> other = spawn(sets(ran));
  co_await move_to(here);
  require(!ran,
          "a task moved to the queue in which it was, and another one ran before it went on: there "
          "is nothing to do, and it does not suspend");
  co_await other;
}
Task<> stays_in(TaskQueue& here) {
  JoinHandle<void> handle = spawn_into(here, stays(here));
  co_await handle;
}

}  // namespace

PERCORE_CHECK("move", who_awaits_is_taken_along, "Q1",
              "move_to() takes the running task to a queue", queue_of_a_task, .seeds = 5,
              .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  TaskQueue& from = queues.add({.name = "from"});
  TaskQueue& to = queues.add({.name = "to"});
  run.waits_for("a task that moves, and the one that awaits it");
  executor.run(takes_along(queues, from, to));
  executor.run(stays_in(to));
}

namespace {

Task<> arrives_and_waits(TaskQueue& to, percore::Event& event, unsigned& arrived) {
  co_await move_to(to);
  ++arrived;
  co_await event.wait();
}
Task<> crowds(TaskQueue& from, TaskQueue& to, unsigned count) {
  percore::Event event;
  std::vector<JoinHandle<void>> handles;
  handles.reserve(count);
  unsigned arrived = 0;
  for (unsigned i = 0; i < count; ++i) {  // one by one: the queue is never full meanwhile
    handles.push_back(spawn_into(from, arrives_and_waits(to, event, arrived)));
    while (arrived != i + 1) {
      const auto slept = co_await percore::sleep_for(Time{us});
      static_cast<void>(slept);
    }
  }
  const auto allocations = percore::sim::counts().allocations;
  event.set();
  require(percore::sim::counts().allocations == allocations,
          "{} tasks had moved to a queue and waited there; waking them allocated {} times: a "
          "wake-up cannot say that memory is gone, so who comes into a queue makes room",
          count, percore::sim::counts().allocations - allocations);
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("move", who_comes_makes_room, "Q1", "a wake-up finds room in its queue",
              queue_of_a_task, .seeds = 20, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  TaskQueue& from = queues.add({.name = "from", .shares = 10});
  TaskQueue& to = queues.add({.name = "to"});
  run.waits_for("many tasks that move to one queue");
  executor.run(crowds(from, to, run.size(70, 200)));
}

namespace {

struct Manager final : percore::SharesManager {
  unsigned shares() noexcept override {
    ++asked;
    const std::int64_t moment = clock_ns();
    require(last == 0 || moment - last >= period_ns,
            "a manager whose period is {} us was asked again after {} us", period_ns / us,
            (moment - last) / us);
    last = moment;
    return answer;
  }
  Time period() const noexcept override { return Time{period_ns}; }
  std::int64_t period_ns = 0;
  unsigned answer = 1;
  unsigned asked = 0;
  std::int64_t last = 0;
};

Task<> watches(TaskQueue& queue, Manager& manager, Run& run, unsigned turns) {
  for (unsigned i = 0; i < turns; ++i) {
    require(manager.asked != 0, "a queue with a manager runs, and the manager was never asked");
    const unsigned answers[] = {0, 1, 500, 1000, 5000};
    manager.answer = answers[run.random(5)];
    const unsigned asked = manager.asked;
    const auto slept = co_await percore::sleep_for(Time{2 * manager.period_ns});
    static_cast<void>(slept);
    require(manager.asked == asked + 1,
            "a queue slept for two periods of its manager and ran again, and the manager was asked "
            "{} times",
            manager.asked - asked);
    require(queue.shares() == std::clamp(manager.answer, 1U, 1000U),
            "a manager says {} shares, and its queue has {}", manager.answer, queue.shares());
  }
  for (unsigned i = 0; i < 20; ++i) {
    compute(20 * us);
    co_await percore::yield();
  }
}
Task<> is_managed(TaskQueue& queue, Manager& manager, Run& run, unsigned turns) {
  JoinHandle<void> handle = spawn_into(queue, watches(queue, manager, run, turns));
  co_await handle;
}

}  // namespace

PERCORE_CHECK("move", a_manager_is_asked_each_period, "Q7",
              "shares from a manager are asked for anew each period while their queue runs",
              shares_that_change, .seeds = 60, .faults = false) {
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{50 * us}});
  Manager manager;
  manager.period_ns = from_to(run, 100, 1000) * us;
  manager.answer = static_cast<unsigned>(from_to(run, 1, 1000));
  TaskQueue& queue = queues.add({.name = "managed", .shares = 7, .manager = &manager});
  run.waits_for("a queue whose shares change");
  executor.run(is_managed(queue, manager, run, run.size(1, 10)));
}
