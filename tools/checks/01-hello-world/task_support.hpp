#pragma once

#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/task.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "assertions.hpp"

// What the checks of task share.
namespace checks {

using percore::Continuation;
using percore::FinishHook;
using percore::go_on_with;
using percore::run_chain;
using percore::Task;
using percore::check::live_allocations;
using percore::check::require;

inline constexpr const char* the_promise = "Lesson 01, *The promise*";
inline constexpr const char* the_awaiter = "Lesson 01, *The awaiter*";
inline constexpr const char* the_final_suspend = "Lesson 01, *The final suspend*";
inline constexpr const char* the_frames_life = "Lesson 01, *The frame's life*";
inline constexpr const char* the_flat_stack = "Lesson 01, *The flat stack*";

/// Counts how often a task told its end.
struct Stop : FinishHook {
  Stop() : FinishHook{&Stop::count} {}
  static void count(FinishHook& self, std::coroutine_handle<>) noexcept {
    ++static_cast<Stop&>(self).times;
  }
  int times = 0;
};

/// What a frame holds: says when one is destroyed a second time, and how many are alive.
struct Held {
  explicit Held(int& count) : alive(&count) { ++*alive; }
  Held(const Held& other) : alive(other.alive) { ++*alive; }
  Held(Held&& other) noexcept : alive(other.alive) { ++*alive; }
  Held& operator=(const Held&) = delete;
  ~Held() { --*alive; }
  int* alive;
};

/// Where the stack stands in the function that asks.
[[gnu::always_inline]] inline std::uintptr_t stack_here() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

/// The stack's lowest and highest position among those noted.
struct StackUse {
  std::uintptr_t low = UINTPTR_MAX;
  std::uintptr_t high = 0;
  void note(std::uintptr_t position) {
    low = position < low ? position : low;
    high = position > high ? position : high;
  }
  std::uintptr_t bytes() const { return high < low ? 0 : high - low; }
};

/// Suspends, and leaves the handle to whoever goes on with it.
struct Pause {
  explicit Pause(std::coroutine_handle<>& out) : handle(&out) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept { *handle = coroutine; }
  void await_resume() const noexcept {}
  std::coroutine_handle<>* handle;
};

/// Demands that `mistake` ends the program, and with a sentence: the one who made it must learn
/// which mistake it was.
template <typename Mistake>
void must_end(Mistake&& mistake, const char* what_went_on) {
  const std::optional<std::string> words = last_words(mistake);
  require(words.has_value(), "{}", what_went_on);
  require(words->find("percore: ") != std::string::npos &&
              words->find("std::terminate") == std::string::npos,
          "a programmer's mistake ended the program without a sentence that says which: use "
          "PERCORE_ASSERT(condition, sentence)");
}

}  // namespace checks
