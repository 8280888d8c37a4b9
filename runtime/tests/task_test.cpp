#include <doctest/doctest.h>

#include <memory>
#include <percore/task.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "death.hpp"
#include "tasks.hpp"

using namespace percore;
using percore::test::move_only;
using percore::test::value;

namespace {

struct Stop : FinishHook {
  Stop()
      : FinishHook{[](FinishHook& self, std::coroutine_handle<>) noexcept {
          ++static_cast<Stop&>(self).times;
        }} {}
  int times = 0;
};

template <typename T>
T run(Task<T> task) {
  Stop stop;
  run_chain(task.start(Continuation::call(stop)));
  REQUIRE(task.done());
  REQUIRE(stop.times == 1);
  return task.take_result();
}

// Counts how many are alive: what a frame holds.
struct Counted {
  explicit Counted(int& alive) : count(&alive) { ++*count; }
  Counted(Counted&& other) noexcept : count(other.count) { ++*count; }
  Counted& operator=(Counted&&) = delete;
  ~Counted() { --*count; }
  int* count;
};

Task<int&> reference(int& v) {
  co_return v;
}
Task<> nothing(int& calls) {
  ++calls;
  co_return;
}
Task<int> failing(std::string why) {
  if (!why.empty()) throw std::runtime_error(why);
  co_return 0;
}
Task<> holds(Counted held) {
  static_cast<void>(held);
  co_return;
}

Task<int> sum_of_two() {
  const int a = co_await value(20);
  const int b = co_await value(22);
  co_return a + b;
}

Task<std::string> catches() {
  std::string said;
  try {
    const int never = co_await failing("disk on fire");
    said = std::to_string(never);
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  co_return said;
}

Task<int> await_named(Task<int> task) {
  const int v = co_await std::move(task);
  co_return v;
}

// Suspends in the middle; whoever has the handle goes on with it.
struct Pause {
  explicit Pause(std::coroutine_handle<>& handle) : where(handle) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { where = handle; }
  void await_resume() const noexcept {}
  std::coroutine_handle<>& where;
};

Task<int> pausing(std::coroutine_handle<>& handle, std::vector<std::string>& log) {
  log.emplace_back("before");
  co_await Pause(handle);
  log.emplace_back("after");
  co_return 7;
}

Task<int> waits_for_pausing(std::coroutine_handle<>& handle, std::vector<std::string>& log) {
  const int v = co_await pausing(handle, log);
  log.emplace_back("parent");
  co_return v + 1;
}

}  // namespace

TEST_CASE("T1: the body starts when the task is started, not when it is called") {
  int calls = 0;
  Task<> task = nothing(calls);
  CHECK(calls == 0);
  run(std::move(task));
  CHECK(calls == 1);
}

TEST_CASE("T2: values, move-only values, references and void reach whoever awaits") {
  CHECK(run(value(3)) == 3);
  CHECK(*run(move_only(4)) == 4);
  int variable = 1;
  int& same = run(reference(variable));
  CHECK(&same == &variable);
  CHECK(run(sum_of_two()) == 42);
  CHECK(run(await_named(value(9))) == 9);
}

TEST_CASE("T2: an exception reaches whoever awaits, through any number of tasks") {
  CHECK(run(catches()) == "disk on fire");
  CHECK_THROWS_WITH_AS(run(failing("no")), "no", std::runtime_error);
  CHECK_THROWS_WITH_AS(run(await_named(failing("deep"))), "deep", std::runtime_error);
}

TEST_CASE("T2: a task that suspends goes on where it stopped, then its awaiter does") {
  std::coroutine_handle<> handle;
  std::vector<std::string> log;
  Stop stop;
  Task<int> task = waits_for_pausing(handle, log);
  run_chain(task.start(Continuation::call(stop)));
  CHECK_FALSE(task.done());
  CHECK(log == std::vector<std::string>{"before"});
  run_chain(handle);
  CHECK(task.done());
  CHECK(log == std::vector<std::string>{"before", "after", "parent"});
  CHECK(task.take_result() == 8);
}

TEST_CASE("T3 and T5: a frame and all it holds is freed once, started or not") {
  int alive = 0;
  {
    Task<> never_started = holds(Counted(alive));
  }
  CHECK(alive == 0);
  run(holds(Counted(alive)));
  CHECK(alive == 0);
  {
    Task<> first = holds(Counted(alive));
    Task<> second = holds(Counted(alive));
    CHECK(alive == 2);
    first = std::move(second);
    CHECK(alive == 1);
    CHECK_FALSE(second.valid());
  }
  CHECK(alive == 0);
}

TEST_CASE("release() and adopt() hand a frame from one owner to the next") {
  int alive = 0;
  Task<> task = holds(Counted(alive));
  const std::coroutine_handle<> frame = task.release();
  CHECK_FALSE(task.valid());
  CHECK(alive == 1);
  {
    const Task<> owner = Task<>::adopt(frame);
  }
  CHECK(alive == 0);
}

TEST_CASE("continue_with() changes what happens at the end") {
  std::coroutine_handle<> handle;
  std::vector<std::string> log;
  Stop first;
  Stop second;
  Task<int> task = pausing(handle, log);
  run_chain(task.start(Continuation::call(first)));
  task.continue_with(Continuation::call(second));
  run_chain(handle);
  CHECK(first.times == 0);
  CHECK(second.times == 1);
}

TEST_CASE("mistakes end the program with a sentence") {
  using percore::test::death_of;
  const auto destroyed = death_of([] {
    std::coroutine_handle<> handle;
    std::vector<std::string> log;
    Stop stop;
    Task<int> task = pausing(handle, log);
    run_chain(task.start(Continuation::call(stop)));
  });
  CHECK(destroyed.has_a_sentence("destroyed after it started and before it finished"));
  const auto twice = death_of([] {
    Stop stop;
    Task<int> task = value(1);
    run_chain(task.start(Continuation::call(stop)));
    task.start(Continuation::call(stop));
  });
  CHECK(twice.has_a_sentence("started twice"));
}
