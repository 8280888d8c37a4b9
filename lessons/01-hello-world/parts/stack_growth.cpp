// Who resumes a coroutine decides what its awaits cost in stack.
#include "stack_growth.hpp"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>

#include <fmt/core.h>

namespace lesson {
namespace {

class Looping {
 public:
  struct promise_type {
    Looping get_return_object() {
      return Looping(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };

  explicit Looping(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Looping(const Looping&) = delete;
  Looping& operator=(const Looping&) = delete;
  ~Looping() { handle_.destroy(); }
  std::coroutine_handle<> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

/// The mistake: what is awaited is there at once, so the awaiter resumes who waits for it.
struct ResumesInside {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { awaiting.resume(); }
  void await_resume() const noexcept {}
};

std::coroutine_handle<> next;

/// Only names who goes on, and returns.
struct NamesTheNext {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const noexcept { next = awaiting; }
  void await_resume() const noexcept {}
};

/// Resumes `first`, then whoever was named meanwhile, until nobody was: never two at a time.
void trampoline(std::coroutine_handle<> first) {
  next = first;
  while (next) {
    const std::coroutine_handle<> coroutine = next;
    next = nullptr;  // a name is followed once
    coroutine.resume();
  }
}

std::uintptr_t stack_pointer() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

template <typename Awaiter>
Looping await_often(int times, std::uintptr_t& deepest) {
  for (int time = 0; time < times; ++time) co_await Awaiter();
  deepest = stack_pointer();
}

/// The stack between here and the body of a coroutine that has awaited `times` times.
template <typename Awaiter>
std::size_t stack_bytes(int times) {
  std::uintptr_t deepest = 0;
  const Looping looping = await_often<Awaiter>(times, deepest);
  trampoline(looping.handle());
  return stack_pointer() - deepest;
}

}  // namespace

int show_stack_growth() {
  fmt::print("{:<12}{:>30}{:>26}\n", "awaits", "resumed in await_suspend", "resumed by a loop");
  for (const int times : {1, 10, 100, 1000}) {
    fmt::print("{:<12}{:>24} bytes{:>20} bytes\n", times, stack_bytes<ResumesInside>(times),
               stack_bytes<NamesTheNext>(times));
  }
  return 0;
}

}  // namespace lesson
