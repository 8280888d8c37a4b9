// 01.7 executor, step join: spawned tasks, and what their handles bring. No task here waits for the
// ring.

#include "assertions.hpp"
#include "executor_support.hpp"

using namespace checks;

namespace {

Task<int> after_yields(unsigned yields, int value) {
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
  co_return value;
}
Task<> nothing_after(unsigned yields, Held held, int& ended) {
  static_cast<void>(held);
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
  ++ended;
}
Task<> fails_after(unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
  throw std::out_of_range("the shelf is empty");
}
Task<> rests(unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
}
Task<std::unique_ptr<int>> only_moves() {
  co_return std::make_unique<int>(9);
}

/// Looks, some yields later, whether what should have happened has: otherwise everybody would wait
/// for ever.
Task<> watches(const bool& joined, bool ended_before) {
  for (int i = 0; i < 60; ++i) co_await percore::yield();
  require(joined, "a task ended {} its JoinHandle was awaited, and who awaits it never went on",
          ended_before ? "before" : "after");
}
/// Kept until run() is over: what becomes of a dropped handle is asked elsewhere.
std::vector<JoinHandle<void>> watchers;

Task<> joins(unsigned child_yields, unsigned parent_yields) {
  JoinHandle<int> handle = spawn(after_yields(child_yields, 42));
  co_await rests(parent_yields);
  const bool ended = handle.done();
  require(!ended || parent_yields >= child_yields,
          "done() says yes after {} yields of a task that yields {} times", parent_yields,
          child_yields);
  static bool joined;
  joined = false;
  watchers.clear();
  watchers.push_back(spawn(watches(joined, ended)));
  const int value = co_await handle;
  joined = true;
  require(value == 42, "a task that ended {} it was awaited gave 42, and its JoinHandle brought {}",
          ended ? "before" : "after", value);
}

Task<> joins_what_only_moves() {
  auto handle = spawn(only_moves());
  const std::unique_ptr<int> value = co_await handle;
  require(value != nullptr && *value == 9,
          "a value that can only be moved did not come through the JoinHandle");
}

Task<> joins_failing(unsigned child_yields, unsigned parent_yields) {
  JoinHandle<void> handle = spawn(fails_after(child_yields));
  co_await rests(parent_yields);
  std::string said = "nothing";
  try {
    co_await handle;
  } catch (const std::out_of_range& error) {
    said = error.what();
  }
  require(said == "the shelf is empty",
          "a task ended with an exception, and who awaited its JoinHandle caught \"{}\" instead of "
          "its text",
          said);
}

/// Suspends, and leaves the handle to whoever goes on with it.
struct Pause {
  explicit Pause(Runnable& out) : runnable(&out) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    *runnable = Runnable::of(coroutine);
  }
  void await_resume() const noexcept {}
  Runnable* runnable;
};
struct Once {
  Runnable waiting;
  bool woken = false;
  std::vector<JoinHandle<void>> wakers;
};
Task<> wakes_later(Once& once) {
  co_await rests(20);
  once.woken = true;
  require(once.waiting.queue != nullptr,
          "a task had ended 17 yields ago, and who awaits its JoinHandle never went on");
  once.waiting.schedule();
}
Task<> goes_on_once(Once& once) {
  once.wakers.push_back(spawn(wakes_later(once)));
  JoinHandle<int> handle = spawn(after_yields(2, 1));
  const int value = co_await handle;
  static_cast<void>(value);
  co_await Pause(once.waiting);
  require(once.woken,
          "who awaited a JoinHandle was resumed 2 times for one wake-up: the second time behind "
          "another suspension, "
          "which nobody had ended");
}

}  // namespace

PERCORE_CHECK("join", who_awaits_goes_on_once, "E4", "each wake-up resumes its coroutine once",
              the_join_handle, .seeds = 1, .faults = false) {
  auto& once = *new Once;
  run_on_executor(goes_on_once(once));
  require(once.woken, "who awaited a JoinHandle never went on");
  delete &once;
}

PERCORE_CHECK("join", it_brings_the_value, "E5",
              "a JoinHandle brings the value, of a task that ends later or has ended",
              the_join_handle, .seeds = 40, .faults = false) {
  run.waits_for("the end of a spawned task");
  const auto child = static_cast<unsigned>(run.random(5));
  const auto parent = static_cast<unsigned>(run.random(8));
  run_on_executor(joins(child, parent));
  watchers.clear();
  run_on_executor(joins_what_only_moves());
}

PERCORE_CHECK("join", it_brings_the_exception, "E5", "a JoinHandle brings the exception",
              the_join_handle, .seeds = 20, .faults = false) {
  run.waits_for("the end of a spawned task that throws");
  const auto child = static_cast<unsigned>(run.random(4));
  const auto parent = static_cast<unsigned>(run.random(8));
  run_on_executor(joins_failing(child, parent));
}

namespace {

Task<> notes_when(unsigned number, std::vector<unsigned>& order) {
  order.push_back(number);
  co_return;
}
Task<> waits_behind(std::vector<unsigned>& order) {
  JoinHandle<void> awaited = spawn(notes_when(1, order));
  JoinHandle<void> other = spawn(notes_when(2, order));
  co_await awaited;
  order.push_back(3);
  co_await other;
  order.push_back(4);
}

}  // namespace

PERCORE_CHECK("join", the_end_only_schedules, "E4",
              "the end of a task makes who awaits it ready, at the back, once", the_join_handle,
              .seeds = 1, .faults = false) {
  std::vector<unsigned> order;
  run.waits_for("the end of a spawned task");
  run_on_executor(waits_behind(order));
  require(order.size() == 4, "two tasks and two joins noted {} steps instead of 4", order.size());
  require(order[0] == 1 && order[1] == 2,
          "who awaited a JoinHandle went on before a task that was ready earlier: the end of a "
          "task only makes it ready, "
          "at the back of the queue");
}

namespace {

Task<> drops(percore::check::Run& run, int& alive, int& ended, int& begun) {
  const unsigned count = run.size(1, 12);
  for (unsigned i = 0; i < count; ++i) {
    ++begun;
    const auto yields = static_cast<unsigned>(run.random(4));
    const auto rest = static_cast<unsigned>(run.random(6));
    Held held(alive);
    JoinHandle<void> handle = spawn(nothing_after(yields, held, ended));
    if (run.chance(50)) co_await rests(rest);
    if (run.chance(50)) handle.detach();
    // ... and dropped here
  }
}

}  // namespace

PERCORE_CHECK(
    "join", a_dropped_task_runs_on_and_frees_itself, "E5",
    "dropping a JoinHandle detaches the task (in detach(): release() gives the frame away)",
    the_join_handle, .seeds = 60, .faults = false) {
  int alive = 0;
  int ended = 0;
  int begun = 0;
  const std::int64_t blocks = live_allocations();
  run.waits_for("the end of detached tasks");
  run_on_executor(drops(run, alive, ended, begun));
  require(ended == begun,
          "{} tasks were spawned and their handles dropped, and {} came to their end", begun,
          ended);
  require(alive == 0, "{} detached tasks have ended, and {} objects of their frames are {}", begun,
          alive < 0 ? -alive : alive,
          alive < 0 ? "destroyed twice" : "still alive: their frames were never freed");
  require(live_allocations() == blocks,
          "{} detached tasks have ended and {} blocks of memory are still taken", begun,
          live_allocations() - blocks);
}

namespace {

Task<> assigns_over(int& alive, int& ended) {
  Held held(alive);
  JoinHandle<void> handle = spawn(nothing_after(3, held, ended));
  handle = spawn(nothing_after(1, held, ended));
  JoinHandle<void>& itself = handle;
  handle = std::move(itself);
  co_await handle;
  require(ended == 1,
          "a JoinHandle was assigned over and then awaited, and {} tasks had ended when it went on",
          ended);
}

}  // namespace

PERCORE_CHECK("join", assigning_over_a_handle_detaches, "E5",
              "assigning over a JoinHandle detaches its task", the_join_handle, .seeds = 1,
              .faults = false) {
  int alive = 0;
  int ended = 0;
  const std::int64_t blocks = live_allocations();
  run_on_executor(assigns_over(alive, ended));
  require(ended == 2, "the task of a JoinHandle that was assigned over did not come to its end");
  require(alive == 0, "the frame of a task whose JoinHandle was assigned over was {}",
          alive > 0 ? "never freed" : "freed twice");
  require(live_allocations() == blocks,
          "a JoinHandle was assigned over and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

namespace {

Task<> detaches_failing(unsigned child_yields, unsigned parent_yields) {
  {
    JoinHandle<void> handle = spawn(fails_after(child_yields));
    co_await rests(parent_yields);
  }
  co_await rests(10);
}

void leave_open(percore::check::Run& run) {
  auto options = run.options();
  options.allow_unfinished = true;
  run.restart(options);
}

}  // namespace

PERCORE_CHECK("join", a_detached_exception_is_not_lost, "E5",
              "an exception of a detached task ends the program with its message", the_join_handle,
              .seeds = 1, .faults = false) {
  leave_open(run);
  const auto words = last_words([] { run_and_leave(detaches_failing(3, 0)); });
  require(words.has_value(),
          "a detached task ended with an exception, and the program went on: nobody is left who "
          "could see it");
  require(
      words->find("the shelf is empty") != words->npos,
      "a detached task ended with an exception, and the last words of the program do not hold its "
      "message: {}",
      *words);
}

PERCORE_CHECK("join", an_exception_nobody_took_is_not_lost, "E5",
              "an exception of a task whose handle is dropped ends the program with its message",
              the_join_handle, .seeds = 1, .faults = false) {
  leave_open(run);
  const auto words = last_words([] { run_and_leave(detaches_failing(0, 3)); });
  require(words.has_value(),
          "a task had ended with an exception, its JoinHandle was dropped, and the program went "
          "on: nobody is left who could see it");
  require(words->find("the shelf is empty") != words->npos,
          "a task had ended with an exception, its JoinHandle was dropped, and the last words of "
          "the program do not hold its "
          "message: {}",
          *words);
}

namespace {

Task<> drops_while_throwing() {
  JoinHandle<void> handle = spawn(fails_after(0));
  co_await rests(3);
  throw std::runtime_error("the first trouble");
}

}  // namespace

PERCORE_CHECK("join", one_exception_at_a_time, "E5",
              "a handle that is dropped by an exception on its way does not end the program",
              the_join_handle, .seeds = 1, .faults = false) {
  std::string said = "nothing";
  const std::int64_t blocks = live_allocations();
  try {
    run_on_executor(drops_while_throwing());
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  require(said == "the first trouble", "an exception of the root task arrived as \"{}\"", said);
  static_cast<void>(blocks);
}

namespace {

Task<> awaits_twice() {
  JoinHandle<int> handle = spawn(after_yields(1, 1));
  const int first = co_await handle;
  const int second = co_await handle;
  static_cast<void>(first + second);
}

}  // namespace

PERCORE_CHECK("join", a_handle_is_awaited_once, "E5", "a JoinHandle is awaited once",
              the_join_handle, .seeds = 1, .faults = false) {
  leave_open(run);
  require(ends_the_program([] { run_and_leave(awaits_twice()); }),
          "a JoinHandle was awaited a second time and the program went on: the task is no longer "
          "in it");
}

namespace {

Task<> counts_allocations(std::uint64_t& allocations) {
  for (int warm = 0; warm < 3; ++warm) {
    JoinHandle<int> first = spawn(after_yields(1, 1));
    const int value = co_await first;
    static_cast<void>(value);
  }
  const std::uint64_t before = percore::sim::counts().allocations;
  JoinHandle<int> handle = spawn(after_yields(1, 1));
  const int value = co_await handle;
  allocations = percore::sim::counts().allocations - before;
  static_cast<void>(value);
}

}  // namespace

PERCORE_CHECK("join", a_spawn_allocates_a_frame, "E5",
              "a spawn and a join allocate the task's frame and nothing else", the_join_handle,
              .seeds = 1, .faults = false) {
  std::uint64_t allocations = 0;
  run_on_executor(counts_allocations(allocations));
  require(allocations == 1,
          "spawning and joining a task allocated {} times: its frame is all it needs", allocations);
}

namespace {

struct Family {
  percore::check::Run& run;
  int alive = 0;
  int begun = 0;
  int ended = 0;
  unsigned left = 0;
};

Task<int> member(Family& family, Held held, unsigned yields) {
  static_cast<void>(held);
  ++family.begun;
  std::vector<JoinHandle<int>> children;
  int sum = 1;
  while (family.left != 0 && family.run.chance(70)) {
    --family.left;
    Held child_held(family.alive);
    children.push_back(
        spawn(member(family, child_held, static_cast<unsigned>(family.run.random(4)))));
    if (family.run.chance(30)) co_await percore::yield();
  }
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
  for (auto& child : children) {
    if (family.run.chance(25)) {
      child.detach();
      continue;
    }
    const int value = co_await child;
    sum += value;
  }
  require(Executor::current().tasks_alive() >= 1, "a task runs and tasks_alive() says {}",
          Executor::current().tasks_alive());
  ++family.ended;
  co_return sum;
}

}  // namespace

PERCORE_CHECK("join", any_family_of_tasks_comes_to_its_end, "E5",
              "every task comes to its end, and is freed once", the_join_handle, .seeds = 150,
              .faults = false) {
  const std::int64_t blocks = live_allocations();
  Family family{run};
  family.left = run.size(1, 40);
  int sum = 0;
  run.waits_for("tasks that wait for their children");
  {
    Held held(family.alive);
    Executor executor({.ring = {.entries = 8}});
    sum = executor.run(member(family, std::move(held), 2));
    require(executor.tasks_alive() == 0, "run() has returned and tasks_alive() says {}",
            executor.tasks_alive());
    require(Executor::current_or_null() == nullptr,
            "run() has returned and there still is a current executor");
  }
  require(family.begun == family.ended, "{} tasks began and {} came to their end", family.begun,
          family.ended);
  require(sum >= 1 && sum <= family.begun,
          "{} tasks gave 1 each, and the sum that was joined is {}", family.begun, sum);
  require(family.alive == 0, "all tasks have ended and {} objects of their frames are {}",
          family.alive < 0 ? -family.alive : family.alive,
          family.alive < 0 ? "destroyed twice" : "still alive");
  require(live_allocations() == blocks,
          "all tasks have ended and {} blocks of memory are still taken",
          live_allocations() - blocks);
}
