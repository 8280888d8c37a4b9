#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <percore/check.hpp>
#include <percore/doorbell.hpp>
#include <percore/sim.hpp>
#include <percore/timer.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "one_cpu.hpp"

// What the checks of the doorbell share: an inbox that counts its looks.
namespace checks {

using namespace percore;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* the_inboxes = "Lesson 05, *Who is looked at*";
inline constexpr const char* the_sleeping_flag = "Lesson 05, *The sleeping flag*";
inline constexpr const char* before_the_sleep = "Lesson 05, *Before the sleep*";
inline constexpr const char* end_of_a_turn = "Lesson 05, *Once for many*";

/// Counts its looks, and wakes the one task that waits for the next.
class Counter final : public Inbox {
 public:
  void look() noexcept override {
    ++looks;
    if (std::exchange(waits_, false)) runnable_.schedule();
  }

  class Next {
   public:
    explicit Next(Counter& counter) noexcept : counter_(counter) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      counter_.waits_ = true;
      counter_.runnable_ = Runnable::of(awaiting);
    }
    void await_resume() const noexcept {}

   private:
    Counter& counter_;
  };
  /// Goes on at the next look.
  Next next() noexcept { return Next(*this); }

  int looks = 0;

 private:
  bool waits_ = false;
  Runnable runnable_;
};

/// Runs `root` on an executor and a thread of its own: the doorbell is the thread's, and goes with
/// it.
inline void run_on_executor(Task<> root) {
  stay_on_one_cpu();
  std::thread([&root] {
    Executor executor({.ring = {.entries = 8}});
    executor.run(std::move(root));
  }).join();
}

}  // namespace checks
