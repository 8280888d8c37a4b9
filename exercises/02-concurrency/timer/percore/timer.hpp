#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <percore/assert.hpp>
#include <percore/contract/timer.hpp>
#include <percore/executor.hpp>

// The timers of the runtime, in three steps. The contract, <percore/contract/timer.hpp>, has the
// invariants D1 to D7 and what each public function promises: keep it open beside this.
//
// - Step "queue" (D1 to D3, D5): Timer and TimerQueue. No executor, no clock.
// - Step "sleep" (D4, D7): what the executor asks of them, and the awaiter of a sleep.
// - Step "interval" (D6): the tick.

namespace percore {

// --------------------------------------------------------------------------------- Step "queue"

/// A moment at which something is to be done. It lies in its owner and stays there while armed.
/// Thread   the executor's, as for all in this file.
class Timer {
 public:
  using Fire = void (*)(Timer&) noexcept;
  explicit Timer(Fire fire) noexcept : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    // TODO queue (D3): PERCORE_ASSERT, with a sentence, that it is not armed any more.
  }

  bool armed() const noexcept {
    // TODO queue
    return false;
  }
  Time deadline() const noexcept { return deadline_; }

 private:
  friend class TimerQueue;
  [[maybe_unused]] Fire fire_;
  Time deadline_;
  // TODO queue: what the queue needs to find it, and its neighbours, without a search and without
  // memory of its own. Equal deadlines keep the order of their arming: something must tell it.
};

/// The timers of one thread.
class TimerQueue {
 public:
  void arm(Timer& timer, Time deadline) noexcept;
  bool cancel(Timer& timer) noexcept;
  std::size_t fire_due(Time now) noexcept;
  Time earliest() const noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  // TODO queue: the shape is yours. It must not walk through all timers to arm or to cancel one.
  std::size_t size_ = 0;
};

// --------------------------------------------------------------------------------- Step "sleep"

/// The timers of the executor that runs on this thread.
TimerQueue& timers();

/// One sleep: the timer lies in the sleeper's frame.
class [[nodiscard]] SleepAwaiter : Timer {
 public:
  explicit SleepAwaiter(Time deadline) noexcept : Timer(&SleepAwaiter::fired), wanted_(deadline) {}
  bool await_ready() const noexcept {
    // TODO sleep (D7): a sleep that begins while the executor ends is over at once. Any other one
    // suspends, even to a deadline in the past, so that others get their turn.
    return true;
  }
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

// ------------------------------------------------------------------------------ Step "interval"

/// Ticks at start + n * period, without drift.
class Interval {
 public:
  explicit Interval(Time period, Time start = now()) noexcept : period_(period), last_(start) {
    // TODO interval: PERCORE_ASSERT, with a sentence, that the period is above zero.
  }

  /// A sleep until the next tick. What the ticks before were is in `interval_`.
  class [[nodiscard]] TickAwaiter : public SleepAwaiter {
   public:
    explicit TickAwaiter(Interval& interval) noexcept
        // TODO interval (D6): until which moment does it sleep?
        : SleepAwaiter(now()), interval_(interval) {}
    Result<std::uint64_t> await_resume() const noexcept;

   private:
    [[maybe_unused]] Interval& interval_;
  };

  TickAwaiter next() noexcept { return TickAwaiter(*this); }

 private:
  [[maybe_unused]] Time period_;
  [[maybe_unused]] Time last_;  // the newest tick that was told
};

}  // namespace percore
