// A coroutine from zero: every function the compiler calls behind our back says so when it runs.
#include <command_line.hpp>
#include <coroutine>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <fmt/core.h>

#include "parts/stack_growth.hpp"
#include "parts/waiting_cost.hpp"

namespace {

/// What a coroutine's caller holds. The compiler finds `promise_type` in it by name.
class Greeter {
 public:
  /// One lives in each coroutine's frame: the caller and the coroutine meet here.
  class promise_type {
   public:
    promise_type() { fmt::print("  promise: made, inside the frame\n"); }
    ~promise_type() { fmt::print("  promise: destroyed with the frame\n"); }

    Greeter get_return_object() {
      fmt::print("  promise: get_return_object, what the caller will hold\n");
      return Greeter(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept {
      fmt::print("  promise: initial_suspend, stop before the first line of the body\n");
      return {};
    }
    void return_value(int value) {
      fmt::print("  promise: return_value({})\n", value);
      value_ = value;
    }
    std::suspend_always final_suspend() noexcept {
      fmt::print("  promise: final_suspend, stop once more so that the value can be fetched\n");
      return {};
    }
    void unhandled_exception() { std::terminate(); }

    int value() const { return value_; }

    static void* operator new(std::size_t size) {
      fmt::print("  frame: memory is taken for it\n");
      return std::malloc(size);
    }
    static void operator delete(void* frame) {
      fmt::print("  frame: memory is given back\n");
      std::free(frame);
    }

   private:
    int value_ = 0;
  };

  explicit Greeter(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Greeter(const Greeter&) = delete;
  Greeter& operator=(const Greeter&) = delete;
  ~Greeter() { handle_.destroy(); }

  std::coroutine_handle<promise_type> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

/// What stands behind `co_await`: three functions, asked in this order.
class Answer {
 public:
  explicit Answer(std::coroutine_handle<>& waiting) : waiting_(waiting) {}

  bool await_ready() const noexcept {
    fmt::print("  awaiter: await_ready? no\n");
    return false;
  }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept {
    fmt::print("  awaiter: await_suspend, here is the handle to go on with\n");
    waiting_ = coroutine;
  }
  int await_resume() const noexcept {
    fmt::print("  awaiter: await_resume, the value of the co_await expression\n");
    return 42;
  }

 private:
  std::coroutine_handle<>& waiting_;
};

Greeter greet(std::coroutine_handle<>& waiting) {
  fmt::print("body: hello\n");
  const int answer = co_await Answer(waiting);
  fmt::print("body: the answer is {}\n", answer);
  co_return answer + 1;
}

void show_steps() {
  std::coroutine_handle<> waiting;
  fmt::print("main: calls greet()\n");
  {
    Greeter greeter = greet(waiting);
    fmt::print("main: greet() came back, its body has not begun; resumes it\n");
    greeter.handle().resume();
    fmt::print("main: the body is suspended in its co_await; resumes it by the handle it left\n");
    waiting.resume();
    fmt::print("main: done? {}; value {}\n", greeter.handle().done(),
               greeter.handle().promise().value());
  }
  fmt::print("main: end\n");
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Shows a coroutine's life, step by step.", "coroutine");
  bool cost = false;
  line.flag("--cost", cost, "measure what waiting costs, as a thread and as a coroutine");
  bool stack = false;
  line.flag("--stack", stack, "measure what awaits take of the stack, by who resumes");
  if (const auto status = line.parse(argc, argv)) return *status;
  if (cost) return lesson::show_waiting_cost();
  if (stack) return lesson::show_stack_growth();
  // Line by line into a pipe as well: who breaks the program wants to see how far it came.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  show_steps();
}
