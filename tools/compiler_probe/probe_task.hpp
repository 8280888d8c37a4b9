#pragma once

// A lazy task in as few lines as can be: what the probes need of coroutines. <cstdio> and
// <coroutine> only, so that a probe compiles in half a second.

#include <coroutine>
#include <cstdio>
#include <utility>

namespace probe {

template <typename T>
struct Task {
  struct promise_type {
    T value{};
    std::coroutine_handle<> waiter;
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        return self.promise().waiter ? self.promise().waiter : std::noop_coroutine();
      }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T result) { value = std::move(result); }
    void unhandled_exception() { __builtin_trap(); }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) noexcept {
    handle_.promise().waiter = waiter;
    return handle_;
  }
  T await_resume() { return std::move(handle_.promise().value); }

  // Runs the task as far as it goes; says whether it came to its end.
  bool run() {
    handle_.resume();
    return handle_.done();
  }
  T result() { return std::move(handle_.promise().value); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

// Prints why the probe fails, and fails it.
inline int fail(const char* why) {
  std::puts(why);
  return 1;
}

}  // namespace probe
