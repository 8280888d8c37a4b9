#include "death.hpp"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <percore/combinators.hpp>
#include <percore/io.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

using namespace percore;
using percore::test::death_of;

namespace {

bool runs_in(TaskQueues& queues, TaskQueue& queue) {
  return &queues.running() == &queue && &Executor::current().running_queue() == &queue.run_queue();
}

Task<int> child(TaskQueues& queues, TaskQueue& expected) {
  CHECK(runs_in(queues, expected));
  co_await yield();
  CHECK(runs_in(queues, expected));
  co_return 7;
}

Task<> waits_for_everything(TaskQueues& queues, TaskQueue& home) {
  CHECK(runs_in(queues, home));
  const auto done = co_await nop();
  CHECK(done.has_value());
  CHECK(runs_in(queues, home));
  const auto slept = co_await sleep_for(Time{1000});
  CHECK(slept.has_value());
  CHECK(runs_in(queues, home));
  JoinHandle<int> inherits = spawn(child(queues, home));
  const int seven = co_await inherits;
  CHECK(seven == 7);
  CHECK(runs_in(queues, home));
  const auto both = co_await when_all(child(queues, home), child(queues, home));
  CHECK(std::get<0>(both) + std::get<1>(both) == 14);
  CHECK(runs_in(queues, home));
}

Task<> moves_about(TaskQueues& queues, TaskQueue& first, TaskQueue& second) {
  CHECK(runs_in(queues, queues.default_queue()));
  co_await move_to(queues.default_queue());
  CHECK(runs_in(queues, queues.default_queue()));
  co_await move_to(first);
  CHECK(runs_in(queues, first));
  JoinHandle<int> elsewhere = spawn_into(second, child(queues, second));
  const int seven = co_await elsewhere;
  CHECK(seven == 7);
  CHECK(runs_in(queues, first));
  co_await move_to(second);
  co_await waits_for_everything(queues, second);
  CHECK(runs_in(queues, second));
}

// What it awaits moves with it.
Task<> moves_inside(TaskQueue& to) {
  co_await move_to(to);
}
Task<> is_moved_by_what_it_awaits(TaskQueues& queues, TaskQueue& to) {
  co_await moves_inside(to);
  CHECK(runs_in(queues, to));
}

Task<> everywhere(TaskQueues& queues, TaskQueue& first, TaskQueue& second) {
  std::vector<JoinHandle<void>> handles;
  handles.push_back(spawn_into(first, waits_for_everything(queues, first)));
  handles.push_back(spawn_into(second, waits_for_everything(queues, second)));
  handles.push_back(spawn(waits_for_everything(queues, queues.default_queue())));
  handles.push_back(spawn(moves_about(queues, first, second)));
  handles.push_back(spawn_into(first, is_moved_by_what_it_awaits(queues, second)));
  for (auto& handle : handles) co_await handle;
  CHECK(runs_in(queues, queues.default_queue()));
}

Task<> yields_often(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await yield();
}
Task<> yields_if_needed(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await yield_if_needed();
}

}  // namespace

TEST_CASE("a task and what it waits for go on in its own queue") {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& first = queues.add({.name = "first", .shares = 10});
  TaskQueue& second = queues.add({.name = "second", .shares = 900, .latency = Time{1'000'000}});
  CHECK(first.name() == "first");
  CHECK(second.shares() == 900);
  CHECK(queues.default_queue().shares() == 1000);
  for (int run = 0; run < 3; ++run) executor.run(everywhere(queues, first, second));
  CHECK(first.statistics().wake_ups >= 3);
  CHECK(first.statistics().quanta >= first.statistics().wake_ups);
  CHECK(second.statistics().time.nanoseconds > 0);
}

TEST_CASE("many tasks of many queues all come to their end") {
  Executor executor;
  TaskQueues queues(executor);
  std::vector<TaskQueue*> all;
  for (unsigned i = 0; i < 64; ++i)
    all.push_back(&queues.add({.name = std::to_string(i), .shares = 1 + 15 * i}));
  const auto root = [](std::vector<TaskQueue*>& some) -> Task<> {
    std::vector<JoinHandle<void>> handles;
    for (unsigned i = 0; i < 1000; ++i) {
      handles.push_back(spawn_into(*some[i % some.size()], yields_often(i % 40)));
      handles.push_back(spawn_into(*some[i % some.size()], yields_if_needed(i % 40)));
    }
    for (auto& handle : handles) co_await handle;
  };
  executor.run(root(all));
  for (TaskQueue* queue : all) CHECK(queue->statistics().quanta >= 1);
}

TEST_CASE("tasks left behind end in their queues") {
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& left = queues.add({.name = "left", .shares = 1});
  static bool ended;
  ended = false;
  const auto waits = [](TaskQueues& those, TaskQueue& home) -> Task<> {
    const auto slept = co_await sleep_for(Time{3'600'000'000'000});
    CHECK_FALSE(slept.has_value());
    CHECK(runs_in(those, home));
    ended = true;
  };
  const auto root = [](Task<> behind, TaskQueue& home) -> Task<> {
    spawn_into(home, std::move(behind)).detach();
    co_await yield();
  };
  executor.run(root(waits(queues, left), left));
  CHECK(ended);
}

TEST_CASE("shares are asked of a manager, and forced into their bounds") {
  struct Manager final : SharesManager {
    unsigned shares() noexcept override { return answers[asked++ % answers.size()]; }
    Time period() const noexcept override { return Time{0}; }
    std::array<unsigned, 3> answers{0, 500, 5000};
    unsigned asked = 0;
  } manager;
  Executor executor;
  TaskQueues queues(executor);
  TaskQueue& managed = queues.add({.name = "managed", .manager = &manager});
  const auto looks = [](TaskQueue& queue, Manager& its) -> Task<> {
    for (int i = 0; i < 6; ++i) {
      const unsigned answer = its.answers[(its.asked - 1) % 3];
      CHECK(queue.shares() == std::min(std::max(answer, 1U), 1000U));
      const auto slept = co_await sleep_for(Time{1000});
      CHECK(slept.has_value());
    }
  };
  const auto root = [](TaskQueue& queue, Task<> task) -> Task<> {
    JoinHandle<void> handle = spawn_into(queue, std::move(task));
    co_await handle;
  };
  executor.run(root(managed, looks(managed, manager)));
  CHECK(manager.asked >= 6);
}

TEST_CASE("without task queues need_preempt() looks for completions alone") {
  Executor executor;
  const auto root = []() -> Task<> {
    CHECK_FALSE(need_preempt());
    co_await yield_if_needed();
  };
  executor.run(root());
}

TEST_CASE("programmer's mistakes end the program with a sentence") {
  const auto inside = death_of([] {
    Executor executor;
    const auto root = [](Executor& its) -> Task<> {
      TaskQueues queues(its);
      co_return;
    };
    executor.run(root(executor));
  });
  CHECK(inside.has_a_sentence("made inside a run()"));
  const auto twice = death_of([] {
    Executor executor;
    TaskQueues queues(executor);
    TaskQueues more(executor);
  });
  CHECK(twice.has_a_sentence("on this thread already"));
  const auto many = death_of([] {
    Executor executor;
    TaskQueues queues(executor);
    for (int i = 0; i < 1025; ++i) queues.add({});
  });
  CHECK(many.has_a_sentence("room for 1,024"));
}
