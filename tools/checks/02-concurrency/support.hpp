#pragma once

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/sim.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// What the checks of lesson 02 share.
namespace checks {

using percore::Executor;
using percore::ExecutorOptions;
using percore::JoinHandle;
using percore::Runnable;
using percore::spawn;
using percore::Task;
using percore::Time;
using percore::check::fail_with;
using percore::check::live_allocations;
using percore::check::require;

inline constexpr const char* the_deadline = "Lesson 02, *The deadline*";
inline constexpr const char* the_queue_of_timers = "Lesson 02, *The queue of timers*";
inline constexpr const char* the_interval = "Lesson 02, *The interval*";
inline constexpr const char* the_end_of_sleeps = "Lesson 02, *The end of all sleeps*";
inline constexpr const char* the_semaphore = "Lesson 02, *The semaphore*";
inline constexpr const char* the_event = "Lesson 02, *The event*";
inline constexpr const char* the_gate = "Lesson 02, *The gate*";
inline constexpr const char* who_still_waits = "Lesson 02, *Who still waits*";
inline constexpr const char* the_channel = "Lesson 02, *The channel*";
inline constexpr const char* the_close = "Lesson 02, *The close*";
inline constexpr const char* all_of_them = "Lesson 02, *All of them*";
inline constexpr const char* the_first = "Lesson 02, *The first*";
inline constexpr const char* the_timeout = "Lesson 02, *The timeout*";

constexpr Time us(std::int64_t microseconds) {
  return {microseconds * 1'000};
}
constexpr Time ms(std::int64_t milliseconds) {
  return {milliseconds * 1'000'000};
}

inline std::error_code cancelled() {
  return {ECANCELED, std::system_category()};
}

/// Runs `root` on an executor of its own, which is gone afterwards.
template <typename T>
T run_on_executor(Task<T> root) {
  Executor executor({.ring = {.entries = 8}});
  return executor.run(std::move(root));
}

/// For what must end the program: nothing of it is cleaned up.
inline void run_and_leave(Task<> root) {
  (new Executor({.ring = {.entries = 8}}))->run(std::move(root));
}

/// A run that is left in the middle leaves its ring open, and that is no mistake of the learner's.
inline void leave_open(percore::check::Run& run) {
  auto options = run.options();
  options.allow_unfinished = true;
  run.restart(options);
}

inline Task<> rests(unsigned yields) {
  for (unsigned i = 0; i < yields; ++i) co_await percore::yield();
}

/// A sleep that is the ring's own: it wakes its task without any of percore's timers.
class RingSleep final : percore::Operation {
 public:
  explicit RingSleep(Time duration)
      : Operation(&RingSleep::completed),
        time_{duration.nanoseconds / 1'000'000'000, duration.nanoseconds % 1'000'000'000} {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    waiting_ = Runnable::of(coroutine);
    io_uring_prep_timeout(&Executor::current().ring().entry(*this), &time_, 0, 0);
  }
  void await_resume() const noexcept {}

 private:
  static void completed(Operation& self, std::int32_t, std::uint32_t) noexcept {
    static_cast<RingSleep&>(self).waiting_.schedule();
  }
  __kernel_timespec time_;
  Runnable waiting_;
};

}  // namespace checks
