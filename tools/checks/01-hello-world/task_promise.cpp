// 01.6 task, step promise: laziness, the value or the exception, and who owns the frame. Each task
// is resumed
// by hand: nothing relies on the trampoline or on the final suspend.

#include <system_error>

#include "task_frames.hpp"  // before the task: its frames are watched
#include "task_support.hpp"

using namespace checks;

namespace {

Task<int> counts(int& runs) {
  ++runs;
  co_return runs;
}
Task<int> number(int value) {
  co_return value;
}
Task<std::string> text(const char* words) {
  co_return words;
}
Task<std::unique_ptr<int>> only_moves(int value) {
  co_return std::make_unique<int>(value);
}
Task<int&> refers(int& value) {
  co_return value;
}
Task<const std::string&> refers_const(const std::string& value) {
  co_return value;
}
Task<> nothing(int& runs) {
  ++runs;
  co_return;
}
template <typename T>
Task<T> fails(const char* why) {
  throw std::out_of_range(why);
  co_return *static_cast<std::remove_reference_t<T>*>(nullptr);
}
Task<> fails_void(const char* why) {
  throw std::out_of_range(why);
  co_return;
}
Task<Held> gives_held(int& alive) {
  co_return Held(alive);
}
Task<> holds(Held held) {
  Held another = held;
  static_cast<void>(another);
  co_return;
}
Task<> pauses(Held held, std::coroutine_handle<>& handle) {
  static_cast<void>(held);
  co_await Pause(handle);
}

/// Counts its copies.
struct Copied {
  explicit Copied(int& count) : copies(&count) {}
  Copied(const Copied& other) : copies(other.copies) { ++*copies; }
  Copied(Copied&& other) noexcept : copies(other.copies) {}
  Copied& operator=(const Copied&) = default;
  Copied& operator=(Copied&&) = default;
  int* copies;
};
Task<Copied> gives_copied(int& copies) {
  co_return Copied(copies);
}

/// `&` gives the address of something else, as smart pointers of older libraries do.
struct Odd {
  int number = 0;
  Odd* operator&() noexcept {
    static Odd other;
    return std::addressof(other);
  }
};
Task<Odd&> refers_odd(Odd& value) {
  co_return value;
}

Task<> fails_system() {
  throw std::system_error(std::make_error_code(std::errc::no_space_on_device), "the log");
  co_return;
}
Task<> fails_number() {
  throw 7;
  co_return;
}

/// Resumes a body for its only stretch. It ends there, and its frame must not.
void resume_to_the_end(std::coroutine_handle<> coroutine) {
  const std::int64_t blocks = live_allocations();
  coroutine.resume();
  if (live_allocations() < blocks) {
    percore::check::fail_with(
        "T3", the_final_suspend,
        "the body ended and its frame was freed there and then: the final suspend must suspend, "
        "the Task still owns the frame and would free it again");
  }
}

template <typename T>
void finish(Task<T>& task, Stop& stop) {
  const auto coroutine = task.start(Continuation::call(stop));
  if (coroutine.done()) {
    percore::check::fail_with(
        "T1", the_promise,
        "the body ran before the task was awaited or started: initial_suspend() must suspend");
  }
  resume_to_the_end(coroutine);
  require(task.done(),
          "the body of a task has ended and done() says no: it stands at its final suspend point");
}

template <typename Start>
void throws_out_of_range(const char* of_what, Start take) {
  try {
    take();
  } catch (const std::out_of_range& error) {
    require(std::string(error.what()) == "the shelf is empty",
            "the exception of {} came with another text: {}", of_what, error.what());
    return;
  } catch (...) {
    percore::check::fail("{} threw std::out_of_range and take_result() threw something else",
                         of_what);
  }
  percore::check::fail("{} threw an exception and take_result() threw none: it is lost", of_what);
}

}  // namespace

PERCORE_CHECK("promise", the_body_waits_to_be_resumed, "T1",
              "a task is lazy: its body starts when it is awaited or started", the_promise,
              .seeds = 1, .ring = false) {
  int runs = 0;
  Stop stop;
  Task<int> task = counts(runs);
  require(runs == 0,
          "the body ran before the task was awaited or started: it ran when it was called");
  require(!task.done(), "a task that has not begun says done()");
  const auto coroutine = task.start(Continuation::call(stop));
  require(runs == 0,
          "start() resumed the body: it returns the coroutine, and the caller resumes it");
  resume_to_the_end(coroutine);
  require(runs == 1, "the body of a task that was resumed once ran {} times", runs);
  require(task.done(),
          "the body of a task has ended and done() says no: it stands at its final suspend point "
          "until its Task "
          "frees it");
}

PERCORE_CHECK("promise", the_value_is_kept_until_it_is_taken, "T2",
              "the value of a task is kept until it is taken", the_promise, .seeds = 1,
              .ring = false) {
  Stop stop;
  Task<int> seven = number(7);
  finish(seven, stop);
  const int value = seven.take_result();
  require(value == 7, "a task gave 7 with co_return and take_result() gave {}", value);
  Task<std::string> words = text("a text that is too long to lie within the string itself");
  finish(words, stop);
  const std::string taken = words.take_result();
  require(taken == "a text that is too long to lie within the string itself",
          "a task gave a text with co_return and take_result() gave \"{}\"", taken);
  Task<std::unique_ptr<int>> owner = only_moves(17);
  finish(owner, stop);
  const std::unique_ptr<int> moved = owner.take_result();
  require(moved != nullptr && *moved == 17,
          "a value that can only be moved did not come out as it went in");
  int runs = 0;
  Task<> plain = nothing(runs);
  finish(plain, stop);
  plain.take_result();
  require(runs == 1, "the body of a Task<void> ran {} times", runs);
}

PERCORE_CHECK("promise", a_reference_stays_one, "T2", "a Task<T&> gives the object itself",
              the_promise, .seeds = 1, .ring = false) {
  Stop stop;
  int target = 1;
  Task<int&> task = refers(target);
  finish(task, stop);
  int& reference = task.take_result();
  require(&reference == &target,
          "a Task<int&> gave a reference to another object than co_return did: keep a pointer to "
          "what it refers to");
  const std::string words = "words";
  Task<const std::string&> other = refers_const(words);
  finish(other, stop);
  require(&other.take_result() == &words,
          "a Task<const T&> gave a reference to another object than co_return did");
  Odd odd;
  Task<Odd&> third = refers_odd(odd);
  finish(third, stop);
  require(std::addressof(third.take_result()) == std::addressof(odd),
          "a Task<T&> gave a reference to another object where T has an operator& of its own: take "
          "the address with std::addressof");
}

PERCORE_CHECK("promise", an_exception_is_kept_for_whoever_awaits, "T2",
              "the exception of a task is kept until it is taken", the_promise, .seeds = 1,
              .ring = false) {
  Stop stop;
  Task<int> with_value = fails<int>("the shelf is empty");
  finish(with_value, stop);
  throws_out_of_range("a Task<int>", [&] { static_cast<void>(with_value.take_result()); });
  Task<int&> with_reference = fails<int&>("the shelf is empty");
  finish(with_reference, stop);
  throws_out_of_range("a Task<int&>", [&] { static_cast<void>(with_reference.take_result()); });
  Task<> with_nothing = fails_void("the shelf is empty");
  finish(with_nothing, stop);
  throws_out_of_range("a Task<void>", [&] { with_nothing.take_result(); });
}

PERCORE_CHECK("promise", each_task_keeps_its_own_exception, "T2",
              "each task keeps its own exception, and a task with a value has none", the_promise,
              .seeds = 1, .ring = false) {
  Stop stop;
  Task<int> first = fails<int>("the first");
  Task<int> second = fails<int>("the second");
  Task<int> seven = number(7);
  finish(first, stop);
  finish(second, stop);
  finish(seven, stop);
  std::string said[2] = {"nothing", "nothing"};
  try {
    const int value = seven.take_result();
    require(value == 7, "a task gave 7 while others threw, and take_result() gave {}", value);
  } catch (...) {
    percore::check::fail(
        "a task that gave a value threw the exception of another task: each promise keeps its own");
  }
  Task<int>* const in_turn[2] = {&second, &first};
  for (int i = 0; i < 2; ++i) {
    try {
      static_cast<void>(in_turn[i]->take_result());
    } catch (const std::exception& error) {
      said[i] = error.what();
    }
  }
  require(said[0] == "the second" && said[1] == "the first",
          "two tasks threw \"the second\" and \"the first\", and taking them in this order gave "
          "\"{}\" and \"{}\": each promise keeps its own exception",
          said[0], said[1]);
}

PERCORE_CHECK("promise", an_exception_comes_out_whole, "T2",
              "an exception comes out as it was thrown, of whatever type", the_promise, .seeds = 1,
              .ring = false) {
  Stop stop;
  Task<> system = fails_system();
  finish(system, stop);
  bool whole = false;
  try {
    system.take_result();
  } catch (const std::system_error& error) {
    whole = error.code() == std::errc::no_space_on_device;
  } catch (...) {
  }
  require(whole,
          "a task threw a std::system_error, and it came out without its type or its code: keep "
          "the exception itself, with std::current_exception()");
  Task<> number_thrown = fails_number();
  finish(number_thrown, stop);
  int caught = 0;
  try {
    number_thrown.take_result();
  } catch (int value) {
    caught = value;
  } catch (...) {
  }
  require(caught == 7,
          "a task threw the int 7 and it did not come out: anything can be thrown, keep it with "
          "std::current_exception()");
}

PERCORE_CHECK("promise", a_value_is_never_copied, "T2",
              "a value is moved into the promise and out of it, never copied", the_promise,
              .seeds = 1, .ring = false) {
  int copies = 0;
  Stop stop;
  Task<Copied> task = gives_copied(copies);
  finish(task, stop);
  require(copies == 0, "co_return of a temporary made {} copies of it: forward it into its place",
          copies);
  const Copied taken = task.take_result();
  require(taken.copies == &copies, "take_result() gave another value than co_return did");
  require(copies == 0, "take_result() made {} copies of the value: it is moved out", copies);
}

PERCORE_CHECK("promise", frames_come_from_the_pool, "T3",
              "a frame's memory comes from the frame pool, and goes back there", the_frames_life,
              .seeds = 1, .ring = false) {
  const FrameCounts before = frame_counts;
  {
    Stop stop;
    Task<int> task = number(3);
    finish(task, stop);
  }
  require(frame_counts.made == before.made + 1,
          "a task was made and allocate_frame() was called {} times",
          frame_counts.made - before.made);
  require(frame_counts.freed == before.freed + 1,
          "a task is gone and free_frame() was called {} times", frame_counts.freed - before.freed);
}

PERCORE_CHECK("promise", a_value_is_destroyed_once, "T3",
              "what a frame holds is destroyed with it, once", the_frames_life, .seeds = 1,
              .ring = false) {
  int alive = 0;
  {
    Stop stop;
    Task<Held> taken = gives_held(alive);
    finish(taken, stop);
    require(alive == 1, "a task keeps its value, and {} of them are alive", alive);
    const Held held = taken.take_result();
    Task<Held> left = gives_held(alive);
    finish(left, stop);
  }
  require(alive == 0,
          "two tasks and what was taken from them are gone, and {} values are alive: {}", alive,
          alive > 0 ? "one was never destroyed" : "one was destroyed twice");
}

PERCORE_CHECK("promise", a_frame_is_freed_once, "T3",
              "a frame is freed exactly once, by the one Task that owns it", the_frames_life,
              .seeds = 40, .ring = false) {
  const std::int64_t blocks = live_allocations();
  int alive = 0;
  const unsigned count = run.size(1, 20);
  {
    std::vector<Stop> stops(count);
    std::vector<Task<>> tasks;  // moves them each time it grows
    for (unsigned i = 0; i < count; ++i) {
      run.operation(i);
      tasks.push_back(holds(Held(alive)));
      require(alive == static_cast<int>(i + 1),
              "{} tasks that have not begun hold one object each, and {} are alive{}", i + 1, alive,
              alive < static_cast<int>(i + 1)
                  ? ": a task that was moved away freed the frame of the new owner"
                  : "");
    }
    for (unsigned i = 0; i < count; ++i) {
      if (run.chance(50)) finish(tasks[i], stops[i]);
    }
    Task<> moved = std::move(tasks.front());
    require(!tasks.front().valid(),
            "a task was moved away and the old one still says valid(): both would free the frame");
    require(moved.valid(), "a task was moved and the new one owns nothing");
  }
  require(alive >= 0,
          "{} tasks are gone and {} objects of their frames were destroyed twice: a frame was "
          "freed twice",
          count, -alive);
  require(
      alive == 0,
      "{} tasks are gone and {} objects of their frames are still alive: a frame was never freed",
      count, alive);
  require(live_allocations() == blocks, "{} tasks are gone and {} blocks of memory are still taken",
          count, live_allocations() - blocks);
}

PERCORE_CHECK("promise", a_move_assignment_frees_the_old_frame, "T3",
              "a move assignment frees the frame of its left side, once", the_frames_life,
              .seeds = 1, .ring = false) {
  const std::int64_t blocks = live_allocations();
  int alive_first = 0;
  int alive_second = 0;
  {
    Task<> task = holds(Held(alive_first));
    Task<> other = holds(Held(alive_second));
    task = std::move(other);
    require(alive_second == 1,
            "the task on the right of a move assignment was destroyed; the left one has it now");
    require(!other.valid(),
            "the task on the right of a move assignment still says valid(), and both would free "
            "the frame");
    require(task.valid(), "the task on the left of a move assignment says that it is not valid()");
  }
  require(
      alive_first == 0,
      "a task was assigned over and what its frame held is still alive: the frame was never freed");
  require(alive_second == 0, "what the second frame held is {}",
          alive_second > 0 ? "still alive" : "destroyed twice");
  require(live_allocations() == blocks,
          "all tasks are gone and {} blocks of memory are still taken",
          live_allocations() - blocks);
}

PERCORE_CHECK("promise", a_task_moved_onto_itself_stays, "T3",
              "a task that is assigned to itself stays as it was", the_frames_life, .seeds = 1,
              .ring = false) {
  int alive = 0;
  {
    Task<> task = holds(Held(alive));
    Task<>& same = task;
    task = std::move(same);
    require(alive == 1 && task.valid(),
            "a task was assigned to itself with std::move and lost its frame: take it from the "
            "right side before the left side's is freed");
  }
  require(alive == 0, "a task was assigned to itself, is gone, and what it held is {}",
          alive > 0 ? "still alive" : "destroyed twice");
}

PERCORE_CHECK("promise", a_task_that_never_began_frees_all, "T5",
              "a task that was never started frees all it holds", the_frames_life, .seeds = 1,
              .ring = false) {
  const std::int64_t blocks = live_allocations();
  int alive = 0;
  {
    const Task<> task = holds(Held(alive));
  }
  require(alive == 0, "a task that never began is gone, and its parameter is still alive");
  require(live_allocations() == blocks,
          "a task that never began is gone, and its frame is still there");
}

PERCORE_CHECK("promise", a_task_is_one_allocation, "T3",
              "a task allocates its frame and nothing else", the_frames_life, .seeds = 1,
              .ring = false) {
  Stop stop;
  const std::int64_t blocks = live_allocations();
  Task<int> task = number(3);
  require(live_allocations() == blocks + 1, "one task took {} blocks of memory",
          live_allocations() - blocks);
  finish(task, stop);
  require(live_allocations() == blocks + 1,
          "a task that gave an int took {} blocks of memory: the value lies in the "
          "frame",
          live_allocations() - blocks);
}

PERCORE_CHECK("promise", a_started_task_cannot_be_destroyed, "T5",
              "a task that was started and has not finished cannot be destroyed", the_frames_life,
              .seeds = 1, .ring = false) {
  int alive = 0;
  std::coroutine_handle<> handle;
  Stop stop;
  must_end(
      [&] {
        Task<> task = pauses(Held(alive), handle);
        task.start(Continuation::call(stop)).resume();
      },
      "a task that waits for something was destroyed, and the program went on: whoever wakes "
      "it resumes a frame "
      "that is gone");
  must_end(
      [&] {
        Task<> task = pauses(Held(alive), handle);
        static_cast<void>(task.start(Continuation::call(stop)));
      },
      "a task was started, somebody has its coroutine and will resume it, and it could be "
      "destroyed");
}

PERCORE_CHECK("promise", a_started_task_cannot_be_assigned_over, "T5",
              "a task that was started and has not finished cannot be assigned over",
              the_frames_life, .seeds = 1, .ring = false) {
  int alive = 0;
  std::coroutine_handle<> handle;
  Stop stop;
  must_end(
      [&] {
        Task<> task = pauses(Held(alive), handle);
        task.start(Continuation::call(stop)).resume();
        task = holds(Held(alive));
      },
      "a task that waits for something was assigned over, and the program went on: that "
      "destroys its frame as ~Task() would, and whoever wakes it resumes a frame that is gone");
}

PERCORE_CHECK("promise", a_task_starts_once, "T1", "a task is started once", the_promise,
              .seeds = 1, .ring = false) {
  int runs = 0;
  Stop stop;
  must_end(
      [&] {
        auto* const task = new Task<int>(counts(runs));
        static_cast<void>(task->start(Continuation::call(stop)));
        static_cast<void>(task->start(Continuation::call(stop)));
      },
      "a task was started twice and the program went on: its body would be resumed by two");
  must_end(
      [&] {
        auto* const task = new Task<int>(counts(runs));
        static_cast<void>(task->start(Continuation()));
      },
      "a task was started with an empty continuation: nobody would be told about its end");
}

PERCORE_CHECK("promise", ownership_can_be_given_away, "T3",
              "release() gives the frame away, adopt() takes it back", the_frames_life, .seeds = 1,
              .ring = false) {
  int alive = 0;
  {
    std::coroutine_handle<> frame;
    {
      Task<> task = holds(Held(alive));
      frame = task.release();
      require(!task.valid(),
              "a task still says valid() after it gave its frame away with release(): both would "
              "free it");
    }
    require(alive == 1,
            "a frame was given away with release(), and the task freed it all the same");
    const Task<> back = Task<>::adopt(frame);
    require(back.valid(), "a task that adopt() made is not valid()");
  }
  require(alive == 0, "a frame was taken back with adopt() and never freed");
}
