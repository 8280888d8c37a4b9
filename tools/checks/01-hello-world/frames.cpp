// 01.5 frames: the questions in order, each tried on the coroutine of the exercise.

#include <coroutine>
#include <cstdlib>
#include <string>
#include <utility>

#include "answers.hpp"

using checks::expect_answer;
using checks::Misconception;
using checks::yes_or_no;

namespace {

constexpr const char* the_promise = "Lesson 01, *The promise*";
constexpr const char* the_awaiter = "Lesson 01, *The awaiter*";
constexpr const char* the_final_suspend = "Lesson 01, *The final suspend*";
constexpr const char* the_frames_life = "Lesson 01, *The frame's life*";

/// What happened so far.
struct Seen {
  int printed[3] = {};
  int frames = 0;
  int freed = 0;
  int suspends = 0;
  std::uintptr_t frame = 0;
  std::size_t frame_bytes = 0;
  bool back = false;
};
Seen seen;

// Memory of frames is never given back, so that freeing one twice can be counted.
template <bool stops_at_end>
class Greeter {
 public:
  struct promise_type {
    Greeter get_return_object() {
      return Greeter(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      if constexpr (stops_at_end) {
        return std::suspend_always();
      } else {
        return std::suspend_never();
      }
    }
    void return_value(std::size_t) const noexcept {}
    void unhandled_exception() const noexcept { std::abort(); }
    static void* operator new(std::size_t size) {
      ++seen.frames;
      seen.frame_bytes = size;
      return std::malloc(size);
    }
    static void operator delete(void*) { ++seen.freed; }
  };
  explicit Greeter(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

struct Answer {
  explicit Answer(bool is_ready) : ready(is_ready) {}
  bool await_ready() const noexcept { return ready; }
  void await_suspend(std::coroutine_handle<>) const noexcept { ++seen.suspends; }
  int await_resume() const noexcept { return 42; }
  bool ready;
};

template <bool stops_at_end = true>
Greeter<stops_at_end> greet(const std::string& name, bool ready, const std::string*& in_frame) {
  in_frame = &name;
  ++seen.printed[1];
  const int answer = co_await Answer(ready);
  ++seen.printed[2];
  co_return static_cast<std::size_t>(answer) + name.size();
}

}  // namespace

PERCORE_CHECK("", starts, "T1", "the body of a lazy coroutine waits to be resumed", the_promise,
              .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, false, in_frame);
  static constexpr Misconception known[] = {
      {"yes",
       "initial_suspend() is suspend_always: the call makes the frame and comes back before the "
       "first line of the "
       "body"}};
  expect_answer(run, "starts", yes_or_no(seen.printed[1] != 0), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", frames, "T3", "each call of a coroutine has a frame of its own", the_frames_life,
              .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const Greeter<true> all[] = {greet(name, false, in_frame), greet(name, false, in_frame),
                               greet(name, false, in_frame)};
  static constexpr Misconception known[] = {
      {"1",
       "the code is shared, as with any function; what each call works with, its parameters and "
       "locals, is not"},
      {"0",
       "the frame is made at the call, before the body begins: the parameters must be kept "
       "somewhere"},
      {"6", "the promise and the locals lie in the same frame: one for each call"}};
  expect_answer(run, "frames", std::to_string(seen.frames), known, "each call makes one frame");
  for (const auto& greeter : all) greeter.handle().destroy();
}

PERCORE_CHECK("", copied, "T3", "a frame holds the parameters as they are declared",
              the_frames_life, .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, false, in_frame);
  greeter.handle().resume();
  static constexpr Misconception known[] = {
      {"yes",
       "a parameter that is a reference stays one: the frame keeps the address, and the string may "
       "be gone when the "
       "body goes on. Take parameters by value"}};
  expect_answer(run, "copied", yes_or_no(in_frame != &name), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", asked, "T2", "an awaiter is asked await_ready() first", the_awaiter, .seeds = 1,
              .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, true, in_frame);
  greeter.handle().resume();
  static constexpr Misconception known[] = {
      {"yes",
       "true means that there is nothing to wait for: the coroutine is not suspended, and "
       "await_resume() is called "
       "at once"}};
  expect_answer(run, "asked", yes_or_no(seen.suspends != 0), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", first, "T2", "a suspended coroutine returns to whoever resumed it", the_awaiter,
              .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, false, in_frame);
  greeter.handle().resume();
  seen.back = seen.printed[2] == 0;  // this line runs although the body has not ended
  static constexpr Misconception known[] = {{"no",
                                             "a suspension is a return from resume(): nobody else "
                                             "runs unless await_suspend() resumed or named him"}};
  expect_answer(run, "first", yes_or_no(seen.back), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", handle, "T3", "a handle is an address and owns nothing", the_frames_life,
              .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, false, in_frame);
  {
    [[maybe_unused]] const auto copy = greeter.handle();
  }
  static constexpr Misconception known[] = {
      {"yes",
       "a coroutine_handle is an address without a destructor: only destroy(), or the end of a "
       "coroutine that does "
       "not stop at its final suspend, frees the frame. That is why a Task is needed"}};
  expect_answer(run, "handle", yes_or_no(seen.freed != 0), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", done, "T2", "done() means: at the final suspend point", the_final_suspend,
              .seeds = 1, .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet(name, false, in_frame);
  greeter.handle().resume();
  static constexpr Misconception known[] = {
      {"yes",
       "it is suspended, and so it is between any two resumes; done() is true only at the final "
       "suspend point, when "
       "the body has ended"}};
  expect_answer(run, "done", yes_or_no(greeter.handle().done()), known, "answer yes or no");
  greeter.handle().destroy();
}

PERCORE_CHECK("", never, "T3", "a frame is freed exactly once", the_final_suspend, .seeds = 1,
              .ring = false) {
  seen = {};
  const std::string* in_frame = nullptr;
  const std::string name = "you";
  const auto greeter = greet<false>(name, false, in_frame);
  greeter.handle().resume();
  greeter.handle().resume();  // the body ends, and the frame with it
  ++seen.freed;  // what handle().destroy() would do now, on memory that is no longer a frame
  static constexpr Misconception known[] = {
      {"1",
       "a coroutine that does not stop at its final suspend frees its own frame at its end; the "
       "owner's destroy() frees "
       "it a second time, and that is undefined behaviour"},
      {"0", "it is freed by its own end, and then once more by the owner"}};
  expect_answer(run, "never", std::to_string(seen.freed), known,
                "once at its own end, and once by destroy()");
}
