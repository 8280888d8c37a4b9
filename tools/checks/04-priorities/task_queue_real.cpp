// 04.5 task_queue, once on the kernel. Nothing is demanded of time here.

#include <percore/check.hpp>
#include <percore/io.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <vector>

using namespace percore;
using percore::check::require;

namespace {

Task<> lives_in(TaskQueues& queues, TaskQueue& home, TaskQueue& other) {
  for (int i = 0; i < 20; ++i) {
    require(&queues.running() == &home, "on the kernel a task ran in another queue than its own");
    const auto done = co_await nop();
    require(done.has_value(), "on the kernel a NOP failed");
    co_await yield_if_needed();
    if (i % 5 == 0) {
      const auto slept = co_await sleep_for(Time{100'000});
      require(slept.has_value(), "on the kernel a sleep was cancelled");
    }
  }
  co_await move_to(other);
  require(&queues.running() == &other, "on the kernel a task moved and ran where it had been");
}
Task<> root(TaskQueues& queues, std::vector<TaskQueue*> all) {
  std::vector<JoinHandle<void>> handles;
  for (std::size_t i = 0; i < 30; ++i) {
    TaskQueue& home = *all[i % all.size()];
    handles.push_back(spawn_into(home, lives_in(queues, home, *all[(i + 1) % all.size()])));
  }
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("latency", on_the_kernel_everybody_gets_done, "Q1",
              "a task and what it waits for go on in its own queue",
              "Lesson 04, *The queue of a task*") {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& first = queues.add({.name = "first", .shares = 1});
  TaskQueue& second = queues.add({.name = "second", .shares = 1000});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = Time{1'000'000}});
  run.waits_for("tasks in four queues, on the kernel");
  executor.run(root(queues, {&queues.default_queue(), &first, &second, &urgent}));
  require(urgent.statistics().quanta != 0, "on the kernel a queue had tasks and no quantum");
}
