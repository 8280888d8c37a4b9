// 01.7 executor, step run_queue: the queue by itself, and yield on a loop that does nothing but
// resume.

#include <deque>

#include "executor_support.hpp"

using namespace checks;

namespace {

/// Handles that are told apart and never resumed.
std::coroutine_handle<> handle(std::uint64_t number) {
  return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(64 * (number + 1)));
}
std::uint64_t number_of(std::coroutine_handle<> coroutine) {
  return reinterpret_cast<std::uintptr_t>(coroutine.address()) / 64 - 1;
}

void expect_front(RunQueue& queue, std::deque<std::uint64_t>& model) {
  const std::uint64_t got = number_of(queue.pop());
  require(got == model.front(),
          "pop() gave coroutine {} and number {} had been waiting longest, of {} in the queue", got,
          model.front(), model.size());
  model.pop_front();
}

}  // namespace

PERCORE_CHECK("run_queue", first_come_first_served, "E1",
              "what is scheduled first is resumed first", the_run_queue, .ring = false) {
  RunQueue queue;
  std::deque<std::uint64_t> model;
  std::uint64_t next = 0;
  const unsigned steps = run.size(3, 300);
  const unsigned pushes_percent = 35 + static_cast<unsigned>(run.random(40));
  for (unsigned step = 0; step < steps; ++step) {
    run.operation(step);
    if (model.empty() || run.chance(pushes_percent)) {
      model.push_back(next);
      queue.push(handle(next++));
    } else {
      expect_front(queue, model);
    }
    if (run.chance(5)) queue.reserve(run.random(100));
    require(queue.size() == model.size(), "the queue holds {} and size() says {}", model.size(),
            queue.size());
    require(queue.empty() == model.empty(),
            "after all pushes and pops the queue holds {}, and empty() says {}", model.size(),
            queue.empty());
  }
  while (!model.empty()) expect_front(queue, model);
  require(queue.empty(), "every coroutine was taken out and empty() says no: size() is {}",
          queue.size());
}

PERCORE_CHECK("run_queue", it_holds_any_number, "E1", "the queue holds any number of coroutines",
              the_run_queue, .seeds = 1, .ring = false) {
  RunQueue queue;
  constexpr std::uint64_t many = 20'000;
  for (std::uint64_t i = 0; i < 50; ++i) queue.push(handle(i));
  for (std::uint64_t i = 0; i < 50; ++i)
    static_cast<void>(queue.pop());  // the front is no longer at the beginning
  for (std::uint64_t i = 0; i < many; ++i) queue.push(handle(i));
  require(queue.size() == many, "{} coroutines were pushed and size() says {}", many, queue.size());
  for (std::uint64_t i = 0; i < many; ++i) {
    const std::uint64_t got = number_of(queue.pop());
    require(got == i, "{} coroutines were pushed and number {} came out as number {}", many, got,
            i);
  }
}

PERCORE_CHECK("run_queue", a_push_into_reserved_room_allocates_nothing, "E1",
              "reserve() makes room, so that a wake-up needs none", the_run_queue, .seeds = 30,
              .ring = false) {
  RunQueue queue;
  const unsigned count = run.size(1, 200);
  const auto old = static_cast<unsigned>(run.random(20));
  for (unsigned i = 0; i < old; ++i) queue.push(handle(i));
  for (unsigned i = 0; i < old / 2; ++i) static_cast<void>(queue.pop());
  queue.reserve(old + count);
  const auto allocations = percore::sim::counts().allocations;
  for (unsigned i = 0; i < count; ++i) queue.push(handle(old + i));
  require(percore::sim::counts().allocations == allocations,
          "reserve({}) was called, and pushing {} coroutines into the queue allocated {} times: a "
          "wake-up cannot say that "
          "memory is gone",
          old + count, count, percore::sim::counts().allocations - allocations);
  for (unsigned i = old / 2; i < old + count; ++i) {
    const std::uint64_t got = number_of(queue.pop());
    require(got == i,
            "after a reserve() coroutine {} came out where {} should have: those in the queue stay "
            "in their order",
            got, i);
  }
}

PERCORE_CHECK("run_queue", the_scheduler_is_told_when_it_fills, "E1",
              "the scheduler is told when an empty queue gets something to run", the_run_queue,
              .seeds = 20, .ring = false) {
  struct Told final : percore::QueueScheduler {
    RunQueue* next_queue() override { return nullptr; }
    void became_ready(RunQueue& ready) noexcept override {
      require(ready.empty(),
              "its scheduler was told of a queue that held {} already: it is told once, when the "
              "queue is empty, just before the push",
              ready.size());
      ++times;
      last = &ready;
    }
    bool anything_ready() noexcept override { return false; }
    int times = 0;
    RunQueue* last = nullptr;
  } scheduler;
  RunQueue queue(&scheduler);
  int expected = 0;
  std::uint64_t inside = 0;
  for (unsigned step = 0; step < run.size(2, 60); ++step) {
    if (inside == 0 || run.chance(50)) {
      if (inside++ == 0) ++expected;
      queue.push(handle(step));
    } else {
      --inside;
      static_cast<void>(queue.pop());
    }
    require(scheduler.times == expected,
            "an empty queue got something to run {} times, and its scheduler was told {} times",
            expected, scheduler.times);
  }
  require(scheduler.last == &queue, "the scheduler was told of another queue");
}

namespace {

/// Kept beyond the tasks' ends: dropping a handle earlier belongs to the next step.
std::vector<JoinHandle<void>> handles;

/// Compares as they come: a wrong order may end in a crash before all is over.
struct Order {
  void note(unsigned task) {
    require(seen < expected.size(), "tasks that yield {} times in all were resumed more often",
            expected.size());
    require(expected[seen] == task,
            "among tasks that yield, task {} was resumed as number {}, and it was task {}'s turn",
            task, seen, expected[seen]);
    ++seen;
  }
  std::vector<unsigned> expected;
  std::size_t seen = 0;
};

Task<> yields(unsigned number, unsigned times, Order& order) {
  for (unsigned i = 0; i < times; ++i) {
    order.note(number);
    co_await percore::yield();
  }
  order.note(number);
}
Task<> spawn_yielders(std::vector<unsigned> times, Order& order) {
  for (unsigned i = 0; i < times.size(); ++i) handles.push_back(spawn(yields(i, times[i], order)));
  co_return;
}

}  // namespace

PERCORE_CHECK("run_queue", a_yield_goes_to_the_back, "E1",
              "a yield goes to the back: every task that is ready runs first", the_run_queue,
              .seeds = 60, .faults = false) {
  handles.clear();
  const unsigned tasks = run.size(2, 8);
  std::vector<unsigned> times(tasks);
  std::deque<unsigned> queue;
  std::vector<unsigned> left;
  for (unsigned i = 0; i < tasks; ++i) {
    // The first seeds yield often enough for a wrong order to show before any task has ended.
    times[i] = (run.seed() < 4 ? 2 : 0) + static_cast<unsigned>(run.random(6));
    left.push_back(times[i] + 1);
    queue.push_back(i);
  }
  Order order;
  while (!queue.empty()) {
    const unsigned task = queue.front();
    queue.pop_front();
    order.expected.push_back(task);
    if (--left[task] != 0) queue.push_back(task);
  }
  run.waits_for("tasks that yield, and wait for nothing else");
  run_on_executor(spawn_yielders(times, order));
  require(order.seen == order.expected.size(),
          "{} tasks that yield were resumed {} times in all, and should have been {} times", tasks,
          order.seen, order.expected.size());
  handles.clear();
}

PERCORE_ORACLE(sleeps_for_ever, "E1", "what is scheduled is resumed", "Lesson 01, *The run queue*");
