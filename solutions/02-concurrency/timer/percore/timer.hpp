#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <percore/assert.hpp>
#include <percore/contract/timer.hpp>
#include <percore/executor.hpp>

namespace percore {

/// A moment at which something is to be done. See contract/timer.hpp.
/// Thread   the executor's, as for all in this file.
class Timer {
 public:
  using Fire = void (*)(Timer&) noexcept;
  explicit Timer(Fire fire) noexcept : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { PERCORE_ASSERT(!armed(), "a timer was destroyed while armed: cancel it first"); }

  bool armed() const noexcept { return link_ != nullptr; }
  Time deadline() const noexcept { return deadline_; }

 private:
  friend class TimerQueue;
  Fire fire_;
  Time deadline_;
  std::uint64_t number_ = 0;  // of its arming: among equal ones it decides
  Timer** link_ = nullptr;    // the pointer that points here
  Timer* sibling_ = nullptr;
  Timer* child_ = nullptr;  // the first of those that are due no earlier than this one
};

/// The timers of one thread, as a pairing heap: a tree in which no timer is due before its parent.
class TimerQueue {
 public:
  void arm(Timer& timer, Time deadline) noexcept;
  bool cancel(Timer& timer) noexcept;
  std::size_t fire_due(Time now) noexcept;
  Time earliest() const noexcept { return root_ == nullptr ? Time::never() : root_->deadline_; }
  std::size_t size() const noexcept { return size_; }

 private:
  static bool before(const Timer& a, const Timer& b) noexcept;
  static Timer* merge(Timer* a, Timer* b) noexcept;
  static Timer* merge_all(Timer* first) noexcept;
  void add(Timer* heap) noexcept;
  void take_out(Timer& timer) noexcept;

  Timer* root_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t armings_ = 0;
  Time reached_;  // the newest moment that fire_due() was told
};

/// The timers of the executor that runs on this thread.
TimerQueue& timers();

/// One sleep: the timer lies in the sleeper's frame.
class [[nodiscard]] SleepAwaiter : Timer {
 public:
  explicit SleepAwaiter(Time deadline) noexcept : Timer(&SleepAwaiter::fired), wanted_(deadline) {}
  bool await_ready() const noexcept { return Executor::current().ending(); }
  void await_suspend(std::coroutine_handle<> awaiting);
  Result<void> await_resume() const noexcept;

 private:
  static void fired(Timer& self) noexcept;

  Time wanted_;
  bool in_time_ = false;
  Runnable waiting_;
};

/// Goes on at `deadline`, or a little later; ECANCELED while the executor ends. `co_await` it.
inline SleepAwaiter sleep_until(Time deadline) noexcept {
  return SleepAwaiter(deadline);
}
/// The same, `duration` from now.
inline SleepAwaiter sleep_for(Time duration) noexcept {
  return SleepAwaiter(time_after(now(), duration));
}

/// Ticks at start + n * period, without drift.
class Interval {
 public:
  explicit Interval(Time period, Time start = now()) noexcept : period_(period), last_(start) {
    PERCORE_ASSERT(period.nanoseconds > 0, "an Interval needs a period above zero");
  }

  class [[nodiscard]] TickAwaiter : public SleepAwaiter {
   public:
    explicit TickAwaiter(Interval& interval) noexcept
        : SleepAwaiter(time_after(interval.last_, interval.period_)), interval_(interval) {}
    Result<std::uint64_t> await_resume() const noexcept;

   private:
    Interval& interval_;
  };

  TickAwaiter next() noexcept { return TickAwaiter(*this); }

 private:
  Time period_;
  Time last_;  // the newest tick that was told
};

}  // namespace percore
