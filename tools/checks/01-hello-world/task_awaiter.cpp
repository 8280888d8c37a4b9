// 01.6 task, step awaiter: the trampoline, and what co_await does with a task. What happens at a
// task's end belongs to
// the next step: where nobody goes on by himself, the checks go on by hand.

#include <thread>

#include "task_support.hpp"

using namespace checks;

namespace {

/// A coroutine of our own, so that the trampoline can be looked at without a task.
struct Loose {
  struct promise_type {
    Loose get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::abort(); }
  };
  std::coroutine_handle<> handle;
};

/// Names `next` and suspends; notes whether the naming already resumed somebody.
struct Hand {
  Hand(std::coroutine_handle<> to, const int& count) : next(to), resumed(&count) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {
    const int before = *resumed;
    go_on_with(next);
    require(*resumed == before,
            "go_on_with() resumed the coroutine that it was given: it only names who goes on when "
            "the one that runs has returned");
  }
  void await_resume() const noexcept {}
  std::coroutine_handle<> next;
  const int* resumed;
};

Loose passes_on(int& resumed, std::vector<int>& order, int number,
                const std::coroutine_handle<>& next, StackUse& stack) {
  ++resumed;
  order.push_back(number);
  stack.note(stack_here());
  if (next) co_await Hand(next, resumed);
  for (;;) {  // names nobody from here on
    std::coroutine_handle<> unused;
    co_await Pause(unused);
    ++resumed;
    order.push_back(number + 1000);
    require(resumed < 1000,
            "run_chain() resumes a coroutine again and again that nobody named: a name is followed "
            "once");
  }
}

Task<int> number(int& runs, int value) {
  ++runs;
  co_return value;
}
Task<int> adds_two(int& runs) {
  const int first = co_await number(runs, 20);
  const int second = co_await number(runs, 22);
  co_return first + second;
}
Task<std::unique_ptr<int>> only_moves() {
  co_return std::make_unique<int>(5);
}
Task<int&> refers(int& target) {
  co_return target;
}
Task<> nothing(int& runs) {
  ++runs;
  co_return;
}
Task<int> fails() {
  throw std::out_of_range("the shelf is empty");
  co_return 0;
}
Task<> awaits_all_kinds(int& target) {
  const std::unique_ptr<int> moved = co_await only_moves();
  require(moved != nullptr && *moved == 5,
          "co_await of a task gave another value than its co_return");
  int& reference = co_await refers(target);
  require(&reference == &target, "co_await of a Task<int&> gave a reference to another object");
  int runs = 0;
  co_await nothing(runs);
  require(runs == 1, "co_await of a Task<void> came back and its body ran {} times", runs);
}
/// What a task that suspends in its middle, and who awaits it, have done so far.
struct Pair {
  int child_began = 0;
  int child_went_on = 0;
  int parent_went_on = 0;
  std::coroutine_handle<> child;
  std::coroutine_handle<> parent;
};
Task<> pauses(Pair& pair) {
  ++pair.child_began;
  co_await Pause(pair.child);
  ++pair.child_went_on;
}
Task<> awaits_pausing(Pair& pair) {
  co_await pauses(pair);
  ++pair.parent_went_on;
  co_await Pause(pair.parent);
  ++pair.parent_went_on;
}
Task<std::string> catches() {
  std::string said = "nothing";
  try {
    const int never = co_await fails();
    said = std::to_string(never);
  } catch (const std::out_of_range& error) {
    said = error.what();
  }
  co_return said;
}
Task<int> awaits_variable(Task<int> task) {
  const int value = co_await std::move(task);
  co_return value;
}
Task<> awaits_reference(Task<int>& task) {
  const int value = co_await std::move(task);
  static_cast<void>(value);
}
Task<> notes_stack(StackUse& stack) {
  stack.note(stack_here());
  co_return;
}
Task<> stack_of_a_child(StackUse& stack) {
  stack.note(stack_here());
  co_await notes_stack(stack);
}

Task<> starts_and_keeps(Task<>& task, Stop& stop, std::coroutine_handle<>& started,
                        std::coroutine_handle<>& paused) {
  started = task.start(Continuation::call(stop));
  co_await Pause(paused);
}
/// Resumes `inner` by hand from within a coroutine, notes how far `count` is when that has
/// returned, and suspends: what `inner` named is then the trampoline's.
Loose resumes_by_hand(std::coroutine_handle<> inner, const int& count, int& seen) {
  struct ByHand {
    ByHand(std::coroutine_handle<> to, const int& number, int& out)
        : inner(to), count(&number), seen(&out) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const {
      inner.resume();
      *seen = *count;
    }
    void await_resume() const noexcept {}
    std::coroutine_handle<> inner;
    const int* count;
    int* seen;
  };
  co_await ByHand(inner, count, seen);
}
Loose names_itself(unsigned times, unsigned& resumed) {
  struct Again {
    explicit Again(bool once_more) : names(once_more) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const noexcept {
      if (names) go_on_with(self);
    }
    void await_resume() const noexcept {}
    bool names;
  };
  while (++resumed < times) co_await Again(true);
  co_await Again(false);
}

/// Starts `task` and goes on with it, by hand where its children do not yet do so at their end.
template <typename T>
void drive_on(Task<T>& task, std::coroutine_handle<> coroutine) {
  for (int rounds = 0; rounds < 100 && !coroutine.done(); ++rounds) run_chain(coroutine);
  require(task.done(), "a task was resumed again and again and has not ended");
}
template <typename T>
void drive(Task<T>& task, Stop& stop) {
  drive_on(task, task.start(Continuation::call(stop)));
}

}  // namespace

PERCORE_CHECK(
    "awaiter", the_trampoline_follows_names, "T4",
    "run_chain() resumes the first coroutine, then each that go_on_with() named, until none was",
    the_flat_stack, .seeds = 20, .ring = false) {
  const int count = static_cast<int>(run.size(1, 30));
  int resumed = 0;
  StackUse stack;
  std::vector<int> order;
  std::vector<std::coroutine_handle<>> next(static_cast<std::size_t>(count) + 1);
  for (int i = count - 1; i >= 0; --i)
    next[i] = passes_on(resumed, order, i, next[i + 1], stack).handle;
  run_chain(next[0]);
  require(resumed == count, "{} coroutines each named the next one, and run_chain() resumed {}",
          count, resumed);
  for (int i = 0; i < count; ++i) {
    require(order[i] == i, "coroutine {} was resumed as number {} of a chain", order[i], i);
  }
  require(stack.bytes() < 200,
          "the stack grew by {} bytes in a chain of {}: the trampoline is a loop, it resumes the "
          "next one when the last has returned",
          stack.bytes(), count);
}

PERCORE_CHECK("awaiter", a_name_is_followed_once, "T4", "a name is followed once", the_flat_stack,
              .seeds = 1, .ring = false) {
  int resumed = 0;
  StackUse stack;
  std::vector<int> order;
  const std::coroutine_handle<> none;
  const auto second = passes_on(resumed, order, 2, none, stack).handle;
  const auto first = passes_on(resumed, order, 1, second, stack).handle;
  const auto alone = passes_on(resumed, order, 3, none, stack).handle;
  run_chain(first);
  run_chain(alone);
  require(resumed >= 3, "two chains of three coroutines in all, and run_chain() resumed {}",
          resumed);
  require(resumed == 3,
          "two chains of three coroutines in all made {} resumes: a name of the first chain was "
          "followed "
          "again in the second",
          resumed);
}

namespace {

/// Names `next`, and before it returns another thread runs a chain of its own.
Loose names_beside_another_thread(std::coroutine_handle<> next, std::coroutine_handle<> elsewhere) {
  struct Both {
    Both(std::coroutine_handle<> a, std::coroutine_handle<> b) : next(a), elsewhere(b) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const {
      go_on_with(next);
      std::thread([this] { run_chain(elsewhere); }).join();
    }
    void await_resume() const noexcept {}
    std::coroutine_handle<> next;
    std::coroutine_handle<> elsewhere;
  };
  co_await Both(next, elsewhere);
}

}  // namespace

PERCORE_CHECK("awaiter", the_trampoline_keeps_to_its_thread, "T4",
              "each thread has a trampoline of its own", the_flat_stack, .seeds = 1,
              .ring = false) {
  int here = 0;
  int there = 0;
  StackUse stack;
  std::vector<int> order;
  std::vector<int> order_there;
  const std::coroutine_handle<> none;
  const auto next = passes_on(here, order, 1, none, stack).handle;
  const auto elsewhere = passes_on(there, order_there, 2, none, stack).handle;
  run_chain(names_beside_another_thread(next, elsewhere).handle);
  require(there == 1, "a chain of one on another thread made {} resumes", there);
  require(here == 1,
          "a coroutine was named, then another thread ran a chain, and the coroutine was resumed "
          "{} times: one name "
          "for all threads is overwritten",
          here);
}

PERCORE_CHECK("awaiter", the_trampoline_never_tires, "T4",
              "run_chain() goes on until none was named, however long that is", the_flat_stack,
              .seeds = 1, .ring = false) {
  const unsigned times = 1'100'000;
  unsigned resumed = 0;
  run_chain(names_itself(times, resumed).handle);
  require(resumed == times,
          "a coroutine named itself until its resume {}, and run_chain() stopped after {}", times,
          resumed);
}

PERCORE_CHECK("awaiter", starting_names_nobody, "T1",
              "start() names nobody: its caller decides when the body begins", the_awaiter,
              .seeds = 1, .ring = false) {
  int runs = 0;
  std::coroutine_handle<> started;
  std::coroutine_handle<> paused;
  Stop inner_stop;
  Stop outer_stop;
  Task<> inner = nothing(runs);
  Task<> outer = starts_and_keeps(inner, inner_stop, started, paused);
  run_chain(outer.start(Continuation::call(outer_stop)));
  require(runs == 0,
          "a coroutine called start() and kept the handle, and the body ran when it suspended: "
          "start() named it with go_on_with(); that is for whoever started it to do");
  run_chain(started);
  require(runs == 1, "a task was started and resumed once, and its body ran {} times", runs);
  run_chain(paused);
}

PERCORE_CHECK("awaiter", awaiting_leaves_it_to_the_trampoline, "T4",
              "await_suspend() names the task and returns; the trampoline resumes it",
              the_flat_stack, .seeds = 1, .ring = false) {
  int runs = 0;
  int seen = 0;
  Stop stop;
  Task<int> parent = adds_two(runs);
  const auto coroutine = parent.start(Continuation::call(stop));
  run_chain(resumes_by_hand(coroutine, runs, seen).handle);
  require(seen == 0,
          "a coroutine was resumed by hand and awaited a task, and the task's body ran before "
          "resume() returned: await_suspend() returns void and names it with go_on_with(); a "
          "returned handle is resumed by the compiler (symmetric transfer)");
  require(runs != 0,
          "a task was awaited, and the trampoline did not resume it: its body began 0 "
          "times");
  drive_on(parent, coroutine);
}

PERCORE_CHECK("awaiter", awaiting_starts_the_task_once, "T1",
              "a task starts when it is awaited, and only once", the_awaiter, .seeds = 1,
              .ring = false) {
  int runs = 0;
  Stop stop;
  Task<int> parent = adds_two(runs);
  require(runs == 0, "the body of a task ran before it was awaited");
  drive(parent, stop);
  require(runs == 2, "two tasks were awaited and their bodies ran {} times", runs);
  const int sum = parent.take_result();
  require(sum == 42, "two tasks gave 20 and 22, and who awaited them got the sum {}", sum);
}

PERCORE_CHECK("awaiter", awaiting_resumes_the_task_once, "T1",
              "an await resumes the task once, and who awaits once", the_awaiter, .seeds = 1,
              .ring = false) {
  auto& pair = *new Pair;  // left as they are after a failure
  auto& stop = *new Stop;
  auto& parent = *new Task<>(awaits_pausing(pair));
  run_chain(parent.start(Continuation::call(stop)));
  require(pair.child_began == 1, "a task was awaited, and its body began {} times",
          pair.child_began);
  require(pair.child_went_on == 0,
          "an awaited task went on behind a suspension that nobody had ended: it was resumed, and "
          "named as well");
  require(pair.parent_went_on == 0, "who awaits a task went on although the task is suspended");
  run_chain(pair.child);
  require(pair.child_went_on == 1, "a task that was woken went on {} times", pair.child_went_on);
  require(
      pair.parent_went_on <= 1,
      "the awaiting coroutine went on {} times for one await: it was resumed, and named as well",
      pair.parent_went_on);
}

PERCORE_CHECK("awaiter", awaiting_gives_the_value, "T2", "co_await gives the value of the task",
              the_awaiter, .seeds = 1, .ring = false) {
  int target = 3;
  Stop stop;
  Task<> parent = awaits_all_kinds(target);
  drive(parent, stop);
  parent.take_result();
  int runs = 0;
  Task<int> variable = awaits_variable(number(runs, 8));
  Stop second;
  drive(variable, second);
  const int value = variable.take_result();
  require(value == 8, "a task in a variable gave 8 and co_await std::move(task) gave {}", value);
}

PERCORE_CHECK("awaiter", awaiting_throws_the_exception, "T2",
              "co_await throws the exception of the task", the_awaiter, .seeds = 1, .ring = false) {
  Stop stop;
  Task<std::string> parent = catches();
  drive(parent, stop);
  const std::string said = parent.take_result();
  require(said == "the shelf is empty",
          "a task threw an exception, and who awaited it caught \"{}\" instead of its text", said);
}

PERCORE_CHECK("awaiter", awaiting_frees_the_frame, "T3",
              "the frame of an awaited task is freed once it has given its value", the_frames_life,
              .seeds = 1, .ring = false) {
  const std::int64_t blocks = live_allocations();
  {
    int runs = 0;
    Stop stop;
    Task<int> parent = adds_two(runs);
    drive(parent, stop);
    require(live_allocations() == blocks + 1,
            "two awaited tasks have ended, and {} blocks of memory are taken beside "
            "the frame of who awaited them",
            live_allocations() - blocks - 1);
    static_cast<void>(parent.take_result());
  }
  require(live_allocations() == blocks,
          "all tasks are gone and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

PERCORE_CHECK("awaiter", awaiting_does_not_nest, "T4",
              "a coroutine never resumes another: it names the one to go on with and returns",
              the_flat_stack, .seeds = 1, .ring = false) {
  StackUse stack;
  Stop stop;
  Task<> parent = stack_of_a_child(stack);
  drive(parent, stop);
  require(stack.bytes() < 200,
          "the body of an awaited task ran {} bytes further down the stack than the body that "
          "awaits it: await_suspend() resumed it, and a million awaits would need a million times "
          "as much",
          stack.bytes());
}

PERCORE_CHECK("awaiter", a_task_is_awaited_once, "T1", "a task is awaited once", the_awaiter,
              .seeds = 1, .ring = false) {
  int runs = 0;
  auto& task = *new Task<int>(number(runs, 1));  // left as they are after the mistake
  auto& stop = *new Stop;
  auto& first = *new Task<>(awaits_reference(task));
  drive(first, stop);
  first.take_result();
  require(runs == 1, "a task was awaited once, and its body ran {} times", runs);
  must_end(
      [&] {
        auto& second = *new Task<>(awaits_reference(task));
        drive(second, *new Stop);
      },
      "a task was awaited a second time and the program went on: it has no value left to give");
}
