#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/executor.hpp>
#include <percore/io.hpp>
#include <percore/sim.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// What the checks of executor share.
namespace checks {

using percore::Executor;
using percore::ExecutorOptions;
using percore::JoinHandle;
using percore::Poller;
using percore::Ring;
using percore::Runnable;
using percore::RunQueue;
using percore::spawn;
using percore::Task;
using percore::Time;
using percore::check::live_allocations;
using percore::check::require;

inline constexpr const char* the_run_queue = "Lesson 01, *The run queue*";
inline constexpr const char* the_join_handle = "Lesson 01, *The join handle*";
inline constexpr const char* the_turn_of_the_loop = "Lesson 01, *The turn of the loop*";
inline constexpr const char* the_sleep = "Lesson 01, *The sleep*";
inline constexpr const char* the_end_of_run = "Lesson 01, *The end of run()*";

/// What a frame holds: how many are alive.
struct Held {
  explicit Held(int& count) : alive(&count) { ++*alive; }
  Held(const Held& other) : alive(other.alive) { ++*alive; }
  Held(Held&& other) noexcept : alive(other.alive) { ++*alive; }
  Held& operator=(const Held&) = delete;
  ~Held() { --*alive; }
  int* alive;
};

/// Runs `root` on an executor of its own, which is gone afterwards.
template <typename T>
T run_on_executor(Task<T> root, const ExecutorOptions& options = {.ring = {.entries = 8}}) {
  Executor executor(options);
  return executor.run(std::move(root));
}

/// For what must end the program: nothing of it is cleaned up.
template <typename T>
void run_and_leave(Task<T> root, const ExecutorOptions& options = {.ring = {.entries = 8}}) {
  static_cast<void>((new Executor(options))->run(std::move(root)));
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0)
      percore::check::fail("no pipe could be made; are all descriptors in use?");
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reading_end() const { return ends[0]; }
};

/// Sleeps on the ring: the kernel's own timer.
class Sleep final : percore::Operation {
 public:
  explicit Sleep(std::int64_t nanoseconds)
      : Operation(&Sleep::record),
        time_{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000} {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    waiting_ = Runnable::of(coroutine);
    io_uring_prep_timeout(&Executor::current().ring().entry(*this), &time_, 0, 0);
  }
  int await_resume() const noexcept { return result_; }

 private:
  static void record(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    auto& sleep = static_cast<Sleep&>(self);
    sleep.result_ = result;
    sleep.waiting_.schedule();
  }
  __kernel_timespec time_;
  Runnable waiting_;
  int result_ = 0;
};

}  // namespace checks
