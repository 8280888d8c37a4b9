// 01.6 task, step final: what happens when a body has ended, and that nothing of it needs the
// stack.

#include <malloc.h>

#include <cstdlib>
#include <cstring>

#include "task_support.hpp"

using namespace checks;

namespace {

Task<int> number(int value) {
  co_return value;
}
Task<> notes(StackUse& stack) {
  stack.note(stack_here());
  co_return;
}
Task<> loop(unsigned times, StackUse& stack) {
  for (unsigned i = 0; i < times; ++i) {
    co_await notes(stack);
    stack.note(stack_here());
  }
}
Task<unsigned> chain(unsigned depth, StackUse& stack) {
  stack.note(stack_here());
  if (depth == 0) co_return 0;
  const unsigned below = co_await chain(depth - 1, stack);
  stack.note(stack_here());
  co_return below + 1;
}
Task<int> fails_below(unsigned depth) {
  if (depth == 0) throw std::out_of_range("the shelf is empty");
  const int never = co_await fails_below(depth - 1);
  co_return never;
}
Task<> pauses(std::coroutine_handle<>& handle) {
  co_await Pause(handle);
}
Task<int> pauses_then(std::coroutine_handle<>& handle, int value) {
  co_await Pause(handle);
  co_return value;
}
Task<int> counts_resumes(int& resumes, std::coroutine_handle<>& handle) {
  const int value = co_await pauses_then(handle, 3);
  ++resumes;
  co_await Pause(handle);  // a second, wrong resume would come through here
  ++resumes;
  co_return value;
}

/// Goes on by hand with a suspended task, and notes whether who awaits it went on within that.
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
Task<> resumes_by_hand(std::coroutine_handle<> inner, const int& count, int& seen,
                       std::coroutine_handle<>& self) {
  co_await ByHand(inner, count, seen);
  co_await Pause(self);
}

/// Looks at the task at its end, as an executor does.
struct Look : FinishHook {
  Look() : FinishHook{&Look::look} {}
  static void look(FinishHook& self, std::coroutine_handle<> handle) noexcept {
    auto& seen = static_cast<Look&>(self);
    ++seen.times;
    seen.done = handle.done();
    seen.handle = handle;
  }
  int times = 0;
  bool done = false;
  std::coroutine_handle<> handle;
};

/// Frees the frame at once, as for a detached task, and has its memory written over by the next
/// owner.
struct FreeAtOnce : FinishHook {
  FreeAtOnce() : FinishHook{&FreeAtOnce::free} {}
  static void free(FinishHook& self, std::coroutine_handle<> handle) noexcept {
    const std::size_t size = malloc_usable_size(handle.address());
    {
      const Task<> task = Task<>::adopt(handle);
    }
    void* const next = std::malloc(size);
    std::memset(next, 0x5a, size);
    auto& hook = static_cast<FreeAtOnce&>(self);
    hook.reused = static_cast<unsigned char*>(next);
    hook.size_bytes = size;
    ++static_cast<FreeAtOnce&>(self).times;
  }
  int times = 0;
  unsigned char* reused = nullptr;
  std::size_t size_bytes = 0;
};

template <typename T>
T run_whole(Task<T> task) {
  Stop stop;
  run_chain(task.start(Continuation::call(stop)));
  require(task.done(),
          "a chain of tasks came to rest and its first task has not ended: at its end a task goes "
          "on with "
          "whoever awaits it");
  require(stop.times == 1, "the hook at the end of a task was called {} times", stop.times);
  return task.take_result();
}

}  // namespace

PERCORE_CHECK("final", the_end_is_told_once, "T2",
              "at its end a task follows its continuation, once", the_final_suspend, .seeds = 1,
              .ring = false) {
  Look look;
  Task<int> task = number(7);
  run_chain(task.start(Continuation::call(look)));
  require(look.times == 1, "a task has ended and its hook was called {} times", look.times);
  require(look.done,
          "the hook was called before the task stood at its final suspend point: it may not be "
          "destroyed yet");
  const int value = task.take_result();
  require(value == 7, "after the hook was called the value of the task was {} instead of 7", value);
}

PERCORE_CHECK("final", who_awaits_goes_on_once, "T2",
              "when a task has finished, whoever awaits it goes on, once", the_final_suspend,
              .seeds = 1, .ring = false) {
  int resumes = 0;
  std::coroutine_handle<> handle;
  Look look;
  Task<int> parent = counts_resumes(resumes, handle);
  run_chain(parent.start(Continuation::call(look)));
  require(resumes == 0,
          "the awaiting coroutine went on although the task that it awaits is suspended");
  run_chain(std::exchange(handle, nullptr));
  require(resumes != 0, "the awaited task has ended, and the awaiting coroutine never went on");
  require(resumes == 1, "the awaiting coroutine went on {} times for one await", resumes);
  require(look.times == 0, "the hook of a task was called while its body was suspended");
  run_chain(std::exchange(handle, nullptr));
  require(look.times == 1, "a task has ended and its hook was called {} times", look.times);
}

PERCORE_CHECK("final", the_end_leaves_it_to_the_trampoline, "T4",
              "the final awaiter names who goes on and returns; the trampoline resumes it",
              the_flat_stack, .seeds = 1, .ring = false) {
  int resumes = 0;
  int seen = 0;
  std::coroutine_handle<> handle;
  auto& look = *new Look;  // left as they are: the task by hand stays suspended
  auto& parent = *new Task<int>(counts_resumes(resumes, handle));
  run_chain(parent.start(Continuation::call(look)));
  std::coroutine_handle<> unused;
  auto& by_hand = *new Task<>(resumes_by_hand(handle, resumes, seen, unused));
  run_chain(by_hand.start(Continuation::call(look)));
  require(seen == 0,
          "a task was resumed by hand and ended, and who awaits it went on before resume() "
          "returned: await_suspend() of the final awaiter returns void and names it with "
          "go_on_with(); a returned handle is resumed by the compiler (symmetric transfer)");
  require(resumes == 1, "a task ended, and the trampoline resumed who awaits it {} times", resumes);
}

PERCORE_CHECK("final", the_end_can_be_changed, "T2",
              "continue_with() changes what happens at the end", the_final_suspend, .seeds = 1,
              .ring = false) {
  std::coroutine_handle<> handle;
  Look first;
  Look second;
  Task<> task = pauses(handle);
  run_chain(task.start(Continuation::call(first)));
  task.continue_with(Continuation::call(second));
  run_chain(handle);
  require(first.times == 0, "continue_with() named another hook, and the first one was called");
  require(second.times == 1, "the hook that continue_with() named was called {} times",
          second.times);
}

PERCORE_CHECK("final", a_hook_may_free_the_frame, "T3",
              "nothing of the frame is touched after its continuation ran", the_final_suspend,
              .seeds = 1, .ring = false) {
  StackUse stack;
  FreeAtOnce hook;
  run_chain([&] {
    Task<> task = notes(stack);
    const auto coroutine = task.start(Continuation::call(hook));
    static_cast<void>(task.release());
    return coroutine;
  }());
  require(hook.times == 1, "a task that owns itself has ended and its hook was called {} times",
          hook.times);
  for (std::size_t i = 0; i < hook.size_bytes; ++i) {
    require(hook.reused[i] == 0x5a,
            "byte {} of a frame was written to after its hook had freed it, when the memory was "
            "somebody else's: once the "
            "continuation has run, neither the promise nor the awaiter may be touched",
            i);
  }
  std::free(hook.reused);
}

PERCORE_CHECK("final", a_loop_of_awaits_is_flat, "T4",
              "stack use does not grow with the number of awaits, in a loop", the_flat_stack,
              .seeds = 1, .ring = false) {
  const unsigned times = 100'000;
  StackUse stack;
  const std::int64_t blocks = live_allocations();
  run_whole(loop(times, stack));
  require(
      stack.bytes() < 4096,
      "the stack grew by {} bytes over {} awaits in a loop: a coroutine was resumed from within "
      "another",
      stack.bytes(), times);
  require(live_allocations() == blocks, "after {} awaits {} blocks of memory are still taken",
          times, live_allocations() - blocks);
}

PERCORE_CHECK("final", a_chain_of_awaits_is_flat, "T4",
              "stack use does not grow with the number of awaits, in a chain", the_flat_stack,
              .seeds = 1, .ring = false) {
  const unsigned depth = 100'000;
  StackUse small;
  static_cast<void>(run_whole(chain(100, small)));
  require(
      small.bytes() < 4096,
      "the stack grew by {} bytes in a chain of 100 awaits: a coroutine was resumed from within "
      "another",
      small.bytes());
  StackUse stack;
  const std::int64_t blocks = live_allocations();
  const unsigned counted = run_whole(chain(depth, stack));
  require(counted == depth, "a chain of {} tasks counted {}", depth, counted);
  require(stack.bytes() < 4096,
          "the stack grew by {} bytes in a chain of {} awaits: a coroutine was resumed from within "
          "another",
          stack.bytes(), depth);
  require(live_allocations() == blocks,
          "a chain of {} tasks has ended and {} blocks of memory are still taken", depth,
          live_allocations() - blocks);
}

PERCORE_CHECK("final", an_exception_climbs_the_chain, "T2", "an exception reaches whoever awaits",
              the_final_suspend, .seeds = 1, .ring = false) {
  std::string said = "nothing that is worth a mention";
  const std::int64_t blocks = live_allocations();
  try {
    static_cast<void>(run_whole(fails_below(50)));
  } catch (const std::out_of_range& error) {
    said = error.what();
  }
  require(said == "the shelf is empty",
          "an exception climbed a chain of 50 awaits and arrived as \"{}\"", said);
  require(live_allocations() == blocks,
          "an exception climbed a chain of tasks and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

namespace {

/// A tree of calls drawn from the seed: awaits, pauses, exceptions.
struct Tree {
  percore::check::Run& run;
  std::coroutine_handle<> paused;
  unsigned left;
  int begun = 0;
  int ended = 0;
  int alive = 0;
};

Task<int> branch(Tree& tree, Held held) {
  static_cast<void>(held);
  ++tree.begun;
  int sum = 1;
  while (tree.left != 0 && tree.run.chance(60)) {
    --tree.left;
    if (tree.run.chance(20)) co_await Pause(tree.paused);
    Held below(tree.alive);
    Task<int> child = branch(tree, below);
    if (tree.run.chance(10)) continue;  // never awaited: its frame goes with it
    try {
      const int value = co_await std::move(child);
      sum += value;
    } catch (const std::out_of_range&) {
      ++sum;  // who throws counts as one
    }
  }
  ++tree.ended;
  if (tree.run.chance(15)) throw std::out_of_range("a branch broke");
  co_return sum;
}

}  // namespace

PERCORE_CHECK("final", any_tree_of_tasks_comes_to_its_end, "T2",
              "whoever awaits goes on exactly once, with the value or the exception",
              the_final_suspend, .seeds = 200, .ring = false) {
  const std::int64_t blocks = live_allocations();
  Tree tree{run, nullptr, run.size(1, 60)};
  Look look;
  {
    Held held(tree.alive);
    Task<int> root = branch(tree, std::move(held));
    run_chain(root.start(Continuation::call(look)));
    while (tree.paused) run_chain(std::exchange(tree.paused, nullptr));
    require(root.done(),
            "{} tasks began, {} ended, none is suspended for a reason, and the first has not "
            "ended: somebody "
            "who awaits never went on",
            tree.begun, tree.ended);
    require(look.times == 1, "the hook at the end of the first task was called {} times",
            look.times);
    require(tree.begun == tree.ended, "{} bodies began and {} ended", tree.begun, tree.ended);
    try {
      const int sum = root.take_result();
      require(sum >= 1 && sum <= tree.begun, "{} tasks began and their values came to {}",
              tree.begun, sum);
    } catch (const std::out_of_range&) {
    }
  }
  require(tree.alive == 0, "all tasks are gone and of the objects in their frames {} are {}",
          tree.alive < 0 ? -tree.alive : tree.alive,
          tree.alive < 0 ? "destroyed twice" : "still alive");
  require(live_allocations() == blocks,
          "all tasks are gone and {} blocks of memory are still taken",
          live_allocations() - blocks);
}
