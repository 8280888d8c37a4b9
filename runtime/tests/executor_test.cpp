#include <doctest/doctest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <ostream>
#include <percore/contract/executor_parts.hpp>
#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "death.hpp"
#include "pipe.hpp"
#include "tasks.hpp"

using namespace percore;
using percore::test::death_of;
using percore::test::move_only;
using percore::test::Pipe;
using percore::test::value;

namespace {

Task<int> failing() {
  throw std::runtime_error("no luck");
  co_return 0;
}

Task<> note(std::vector<int>& order, int name, int yields) {
  for (int i = 0; i < yields; ++i) {
    order.push_back(name);
    co_await yield();
  }
  order.push_back(name);
}

Task<> three_take_turns(std::vector<int>& order) {
  JoinHandle<void> a = spawn(note(order, 1, 2));
  JoinHandle<void> b = spawn(note(order, 2, 2));
  JoinHandle<void> c = spawn(note(order, 3, 2));
  co_await a;
  co_await b;
  co_await c;
}

Task<long> sum_of_spawned(int count) {
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < count; ++i) handles.push_back(spawn(value(i)));
  long sum = 0;
  for (JoinHandle<int>& handle : handles) {
    const int v = co_await handle;
    sum += v;
  }
  co_return sum;
}

Task<> yield_often(int count, int& done) {
  for (int i = 0; i < count; ++i) co_await yield();
  ++done;
}

Task<Result<std::uint32_t>> read_byte(int fd) {
  std::byte byte{};
  const auto got = co_await read(fd, std::span(&byte, 1));
  co_return got;
}

Task<> nop_then_flag(bool& flag) {
  co_await nop();
  flag = true;
}

Task<int> yields_before_nop() {
  int yields = 0;
  bool done = false;
  JoinHandle<void> handle = spawn(nop_then_flag(done));
  while (!done && yields < 1'000) {
    co_await yield();
    ++yields;
  }
  co_await handle;
  co_return yields;
}

Task<> reads_twice(int fd, std::error_code& first_error) {
  const auto first = co_await read_byte(fd);
  if (!first) first_error = first.error();
  const auto second = co_await read_byte(fd);  // starts while the executor ends
  CHECK(second.error() == std::errc::operation_canceled);
}

Task<> ends_while_another_reads(int fd, std::error_code& error) {
  spawn(reads_twice(fd, error)).detach();
  co_await yield();
  co_await nop();
}

struct Never {
  Never() noexcept {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

Task<> waits_for_ever() {
  co_await Never();
}

Task<> yields_for_ever() {
  for (;;) co_await yield();
}

Task<> leaves_behind(Task<> task) {
  spawn(std::move(task)).detach();
  co_return;
}

struct CountingPoller final : Poller {
  bool poll() override {
    ++polls;
    return false;
  }
  Time next_deadline() const override { return deadline; }
  bool prepare_to_sleep() override {
    ++prepared;
    return willing;
  }
  void cancel_sleep() override { ++cancelled; }
  int polls = 0;
  int prepared = 0;
  int cancelled = 0;
  bool willing = true;
  Time deadline = Time::never();
};

}  // namespace

TEST_CASE("run() gives the root task's value, or throws its exception, any number of times") {
  Executor executor;
  CHECK(executor.run(value(1)) == 1);
  CHECK(*executor.run(move_only(2)) == 2);
  CHECK_THROWS_WITH_AS(executor.run(failing()), "no luck", std::runtime_error);
  CHECK(executor.run(sum_of_spawned(100)) == 4950);
  CHECK(Executor::current_or_null() == nullptr);
}

TEST_CASE("E1: tasks take turns in the order of their spawning") {
  Executor executor;
  std::vector<int> order;
  executor.run(three_take_turns(order));
  CHECK(order == std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3});
}

TEST_CASE("E1: many more tasks than the run queue first had room for") {
  Executor executor;
  CHECK(executor.run(sum_of_spawned(10'000)) == 49'995'000);
}

TEST_CASE("E2: a task that only yields does not keep the ring from being looked at") {
  ExecutorOptions options;
  options.resumes_per_turn_max = 8;
  Executor executor(options);
  // The nop is submitted and collected within a few looks at the ring, each at most eight resumes
  // apart.
  CHECK(executor.run(yields_before_nop()) <= 4 * 8);
}

TEST_CASE("E3: a sleeping executor uses no CPU") {
  Pipe pipe;
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    REQUIRE(write(pipe.ends[1], "x", 1) == 1);
  });
  Executor executor;
  const auto enters_before = executor.ring().counts().enters;
  const auto got = executor.run(read_byte(pipe.ends[0]));
  writer.join();
  CHECK(got == 1u);
  // One enter submits and sleeps; the kernel may wake it early, but nothing spins.
  CHECK(executor.ring().counts().enters - enters_before <= 3);
}

TEST_CASE("E5: a JoinHandle brings values and exceptions, before and after the task has ended") {
  Executor executor;
  const auto root = []() -> Task<> {
    JoinHandle<int> early = spawn(value(5));
    const int first = co_await early;
    CHECK(first == 5);
    JoinHandle<int> late = spawn(value(6));
    co_await yield();
    CHECK(late.done());
    const int second = co_await late;
    CHECK(second == 6);
    JoinHandle<int> bad = spawn(failing());
    std::string said;
    try {
      const int never = co_await bad;
      said = std::to_string(never);
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    CHECK(said == "no luck");
  };
  executor.run(root());
}

TEST_CASE("E5: dropping a handle detaches, and the task runs to its end") {
  Executor executor;
  int done = 0;
  const auto root = [](int& ended) -> Task<> {
    {
      const JoinHandle<void> dropped = spawn(yield_often(3, ended));
    }
    JoinHandle<void> replaced = spawn(yield_often(3, ended));
    replaced = spawn(yield_often(3, ended));
    replaced.detach();
    spawn(yield_often(100, ended));
    co_return;
  };
  executor.run(root(done));
  CHECK(done == 4);  // E6: run() returned when all had ended
  CHECK(executor.tasks_alive() == 0);
}

TEST_CASE(
    "E6: what is in flight when the root ends is cancelled, and its task goes on with ECANCELED") {
  Pipe pipe;
  Executor executor;
  std::error_code seen;
  executor.run(ends_while_another_reads(pipe.ends[0], seen));
  CHECK(seen == std::errc::operation_canceled);
  CHECK(executor.tasks_alive() == 0);
  CHECK(executor.ring().in_flight() == 0);
}

TEST_CASE("pollers are polled each turn, asked before a sleep and told after it") {
  Executor executor;
  CountingPoller poller;
  executor.add_poller(poller);
  const auto root = []() -> Task<> { co_await nop(); };
  executor.run(root());
  CHECK(poller.polls >= 1);
  CHECK(poller.prepared >= 1);
  CHECK(poller.prepared == poller.cancelled);
  executor.remove_poller(poller);
  const int polls = poller.polls;
  executor.run(root());
  CHECK(poller.polls == polls);
}

TEST_CASE("pollers that only watch come last, and hear of no sleep that another one objected to") {
  struct Named final : Poller {
    Named(std::string& its_calls, char its_name, bool watches)
        : calls(its_calls), name(its_name), only_watches_(watches) {}
    bool poll() override {
      calls += name;
      return false;
    }
    bool only_watches() const noexcept override { return only_watches_; }
    bool prepare_to_sleep() override {
      calls += static_cast<char>(name - 'a' + 'A');
      return agrees;
    }
    void cancel_sleep() override { calls += '.'; }
    std::string& calls;
    char name;
    bool only_watches_, agrees = true;
  };
  std::string calls;
  Named watcher(calls, 'w', true), first(calls, 'a', false), second(calls, 'b', false);
  Named last(calls, 'x', true);
  PollerList pollers;
  for (Named* const poller : {&watcher, &first, &last, &second}) pollers.add(*poller);
  pollers.poll();
  CHECK(calls == "abwx");
  calls.clear();
  CHECK(pollers.prepare_to_sleep());
  pollers.cancel_sleep();
  CHECK(calls == "ABWX....");
  calls.clear();
  CHECK_FALSE(pollers.prepare_to_sleep([] { return true; }));  // something is ready by now
  pollers.cancel_sleep();
  CHECK(calls == "AB..");
  calls.clear();
  second.agrees = false;
  CHECK_FALSE(pollers.prepare_to_sleep());
  pollers.cancel_sleep();
  CHECK(calls == "AB..");
  calls.clear();
  pollers.remove(first);
  pollers.remove(watcher);
  pollers.add(watcher);
  pollers.add(first);
  pollers.poll();
  CHECK(calls == "baxw");
  for (Named* const poller : {&watcher, &first, &last, &second}) pollers.remove(*poller);
}

TEST_CASE(
    "a poller that has seen an event keeps the executor awake, and one with a deadline wakes it") {
  Pipe pipe;
  struct WritesAtDeadline final : Poller {
    explicit WritesAtDeadline(int to) : fd(to) {}
    bool poll() override {
      if (++polls == 5) deadline = now() + Time{1'000'000};
      if (now() >= deadline && !written) written = write(fd, "x", 1) == 1;
      return false;
    }
    bool prepare_to_sleep() override { return polls >= 5; }
    Time next_deadline() const override { return written ? Time::never() : deadline; }
    int fd;
    int polls = 0;
    bool written = false;
    Time deadline = Time::never();
  } poller(pipe.ends[1]);
  Executor executor;
  executor.add_poller(poller);
  CHECK(executor.run(read_byte(pipe.ends[0])) == 1u);
  CHECK(poller.polls >= 5);
}

TEST_CASE(
    "a scheduler of queues is asked at the end of a turn, and woken tasks go on in their own "
    "queue") {
  struct TwoQueues final : QueueScheduler {
    TwoQueues() : first(this), second(this) {}
    RunQueue* next_queue() override {
      ++asked;
      if (!second.empty()) return &second;
      return first.empty() ? nullptr : &first;
    }
    void became_ready(RunQueue&) noexcept override { ++told; }
    bool anything_ready() noexcept override { return !first.empty() || !second.empty(); }
    RunQueue first;
    RunQueue second;
    int asked = 0;
    int told = 0;
  } queues;
  struct MoveTo {
    explicit MoveTo(RunQueue& to) : queue(to) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const noexcept {
      Runnable{handle, &queue}.schedule();
    }
    void await_resume() const noexcept {}
    RunQueue& queue;
  };
  Executor executor;
  executor.schedule_queues_with(&queues);
  const auto root = [](TwoQueues& both) -> Task<> {
    co_await MoveTo(both.second);
    CHECK(&Executor::current().running_queue() == &both.second);
    co_await nop();
    CHECK(&Executor::current().running_queue() == &both.second);
    co_await MoveTo(both.first);
    JoinHandle<int> inherits = spawn(value(3));
    const int v = co_await inherits;
    CHECK(v == 3);
    CHECK(&Executor::current().running_queue() == &both.first);
  };
  executor.run(root(queues));
  CHECK(queues.asked >= 3);
  CHECK(queues.told >= 3);
}

TEST_CASE("an executor for each of several threads") {
  std::vector<std::thread> threads;
  std::array<long, 4> sums{};
  for (long& sum : sums) {
    threads.emplace_back([&sum] {
      Executor executor;
      sum = executor.run(sum_of_spawned(1'000));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const long sum : sums) CHECK(sum == 499'500);
}

TEST_CASE("spawning outside an executor ends the program with a sentence") {
  const auto death = death_of([] { spawn(value(1)).detach(); });
  CHECK(death.has_a_sentence("needs a running executor on this thread"));
}

TEST_CASE("nesting executors ends the program with a sentence") {
  const auto death = death_of([] {
    Executor outer;
    const auto root = []() -> Task<int> {
      Executor inner;
      co_return inner.run(value(1));
    };
    outer.run(root());
  });
  CHECK(death.has_a_sentence("inside another one"));
}

TEST_CASE("running an executor on a foreign thread ends the program with a sentence") {
  const auto death = death_of([] {
    Executor executor;
    std::thread([&] { executor.run(value(1)); }).join();
  });
  CHECK(death.has_a_sentence("another thread than the one that constructed it"));
}

TEST_CASE("an exception that a detached task leaves behind ends the program with its message") {
  const auto while_running = death_of([] {
    Executor executor;
    const auto root = []() -> Task<> {
      spawn(failing()).detach();
      co_await yield();
    };
    executor.run(root());
  });
  CHECK(while_running.aborted);
  CHECK(while_running.says("no luck"));
  const auto after_its_end = death_of([] {
    Executor executor;
    const auto root = []() -> Task<> {
      JoinHandle<int> handle = spawn(failing());
      co_await yield();
    };
    executor.run(root());
  });
  CHECK(after_its_end.aborted);
  CHECK(after_its_end.says("no luck"));
}

TEST_CASE("tasks that wait for what cannot happen are named, not waited for") {
  const auto deadlock = death_of([] {
    Executor executor;
    executor.run(waits_for_ever());
  });
  CHECK(deadlock.aborted);
  CHECK(deadlock.says("1 task waits for something that can no longer happen"));
  const auto left_behind = death_of([] {
    Executor executor;
    executor.run(leaves_behind(waits_for_ever()));
  });
  CHECK(left_behind.aborted);
  CHECK(left_behind.says("The root task has ended"));
}

TEST_CASE("a task that never ends after the root has ended is a mistake, not a hang") {
  const auto death = death_of([] {
    ExecutorOptions options;
    options.ending_turns_max = 100;
    Executor executor(options);
    executor.run(leaves_behind(yields_for_ever()));
  });
  CHECK(death.has_a_sentence("goes on without end"));
}
