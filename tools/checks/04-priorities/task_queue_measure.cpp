// What task queues cost with the learner's module, beside ours. Shown after a pass.

#include "task_queue_support.hpp"

using namespace checks;
using percore::spawn_into;

namespace {

Task<> yields(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await percore::yield();
}
Task<> two_yield(Run& run, TaskQueue& queue, unsigned times) {
  JoinHandle<void> moved = spawn_into(queue, yields(times));
  JoinHandle<void> other = spawn_into(queue, yields(times));
  run.count_from_here();
  co_await moved;
  co_await other;
  run.count_to_here();
}
Task<> there_and_back(TaskQueue& first, TaskQueue& second, unsigned times) {
  for (unsigned i = 0; i < times; ++i) {
    co_await percore::move_to(first);
    co_await percore::move_to(second);
  }
}
Task<> switches(Run& run, TaskQueue& first, TaskQueue& second, unsigned times) {
  JoinHandle<void> moves = spawn_into(second, there_and_back(first, second, times));
  run.count_from_here();
  co_await moves;
  run.count_to_here();
}
Task<int> number(int value) {
  co_return value;
}
Task<> spawns(Run& run, TaskQueue& queue, unsigned times) {
  std::vector<JoinHandle<int>> handles;
  handles.reserve(times);
  run.count_from_here();
  for (unsigned i = 0; i < times; ++i) handles.push_back(spawn_into(queue, number(1)));
  for (auto& handle : handles) {
    const int value = co_await handle;
    static_cast<void>(value);
  }
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(a_yield, "a yield, between two tasks of a queue", 200) {
  Executor executor;
  TaskQueues queues(executor);
  executor.run(two_yield(run, queues.add({.name = "queue"}), 100));
}
PERCORE_MEASURE(a_switch, "a move to another queue", 200) {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& first = queues.add({.name = "first"});
  TaskQueue& second = queues.add({.name = "second"});
  executor.run(switches(run, first, second, 100));
}
PERCORE_MEASURE(a_spawn, "a spawn into a queue and its join", 100) {
  Executor executor;
  TaskQueues queues(executor);
  executor.run(spawns(run, queues.add({.name = "queue"}), 100));
}
