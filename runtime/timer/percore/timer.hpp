#pragma once

#include <array>
#include <bit>
#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <percore/contract/timer.hpp>

namespace percore {

class Timer;
class TimerQueue;

namespace timer_detail {

// A link of a circular list: a timer, or the list itself.
struct Link {
  Link* before = this;
  Link* behind = this;

  Link() noexcept = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool alone() const noexcept { return behind == this; }
  void insert_before(Link& other) noexcept {
    before = other.before;
    behind = &other;
    before->behind = other.before = this;
  }
  void remove() noexcept {
    before->behind = behind;
    behind->before = before;
    before = behind = this;
  }
};

}  // namespace timer_detail

/// A moment at which something is to be done. See contract/timer.hpp.
/// Thread   the executor's.
class Timer : timer_detail::Link {
 public:
  using Fire = void (*)(Timer&) noexcept;
  explicit Timer(Fire fire) noexcept : fire_(fire) {}
  ~Timer() {
    PERCORE_ASSERT(!armed(), "a timer was destroyed while armed: cancel it, or await the sleep");
  }

  bool armed() const noexcept { return !alone(); }
  Time deadline() const noexcept { return deadline_; }

 private:
  friend class TimerQueue;
  Time deadline_;
  Fire fire_;
};

/// The timers of one thread, as a radix heap: a timer lies in the bucket of the highest bit in
/// which its deadline differs from `base_`, the newest moment that was reached. Lower buckets are
/// due before higher ones. When a bucket's moment comes, `base_` moves there and its timers are
/// dealt out again, each to a lower bucket: at most 63 times in its life, and a few as a rule.
/// Cost     arming and cancelling O(1), no allocation.
/// Source   Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path problem",
///          J. ACM 37 (1990): radix heaps.
class TimerQueue {
 public:
  void arm(Timer& timer, Time deadline) noexcept {
    PERCORE_ASSERT(!timer.armed(), "a timer was armed that is armed already: cancel it first");
    timer.deadline_ = deadline < reached_ ? reached_ : deadline;
    ++size_;
    place(timer);
  }

  bool cancel(Timer& timer) noexcept {
    if (!timer.armed()) return false;
    --size_;
    Link* const neighbour = timer.behind;
    timer.remove();
    if (neighbour->alone()) mark_empty(*neighbour);
    return true;
  }

  std::size_t fire_due(Time now) noexcept;

  Time earliest() const noexcept {
    return filled_ == 0 ? Time::never() : earliest_of_[std::countr_zero(filled_)];
  }
  std::size_t size() const noexcept { return size_; }

 private:
  using Link = timer_detail::Link;
  static constexpr std::size_t bucket_count = 64;  // bucket 0, and one for each bit but the sign

  std::size_t bucket_of(Time deadline) const noexcept {
    if (deadline <= base_) return 0;
    return static_cast<std::size_t>(
        std::bit_width(static_cast<std::uint64_t>(deadline.nanoseconds ^ base_.nanoseconds)));
  }

  void place(Timer& timer) noexcept {
    const std::size_t bucket = bucket_of(timer.deadline_);
    const std::uint64_t bit = std::uint64_t{1} << bucket;
    if ((filled_ & bit) == 0 || timer.deadline_ < earliest_of_[bucket])
      earliest_of_[bucket] = timer.deadline_;
    filled_ |= bit;
    timer.insert_before(buckets_[bucket]);
  }

  void mark_empty(const Link& head) noexcept {
    if (&head < buckets_.data() || &head >= buckets_.data() + bucket_count) return;  // due_
    filled_ &= ~(std::uint64_t{1} << (&head - buckets_.data()));
  }

  void deal_out_lowest() noexcept;

  // The lowest that is marked is never empty. `earliest_of_` of a bucket is not later than any in
  // it; cancelling the earliest leaves it as it is, and costs one look that finds nothing.
  std::uint64_t filled_ = 0;
  Time base_;
  Time reached_;  // the newest moment that fire_due() was told; base_ is not later
  std::size_t size_ = 0;
  Link due_;  // while firing: what is left of the batch, so that it can still be cancelled
  std::array<Time, bucket_count> earliest_of_;
  std::array<Link, bucket_count> buckets_;
};

/// The timers of the executor that runs on this thread.
TimerQueue& timers();

/// One sleep. It lies in the sleeper's frame, so it needs no allocation.
class [[nodiscard]] SleepAwaiter final : Timer {
 public:
  explicit SleepAwaiter(Time deadline) noexcept : Timer(&SleepAwaiter::fired), wanted_(deadline) {}

  bool await_ready() const noexcept { return Executor::current().ending(); }
  void await_suspend(std::coroutine_handle<> awaiting) {
    waiting_ = Runnable::of(awaiting);
    timers().arm(*this, wanted_);
  }
  Result<void> await_resume() const noexcept;

 private:
  static void fired(Timer& self) noexcept {
    auto& sleep = static_cast<SleepAwaiter&>(self);
    sleep.in_time_ = !Executor::current().ending();
    sleep.waiting_.schedule();
  }

  Time wanted_;
  bool in_time_ = false;
  Runnable waiting_;
};

/// Goes on at `deadline`, or a little later. `co_await` it.
/// Returns  nothing, or ECANCELED while the executor ends.
/// Cost     no system call of its own: the executor's sleep is given the earliest deadline.
/// Thread   the executor's.
inline SleepAwaiter sleep_until(Time deadline) noexcept {
  return SleepAwaiter(deadline);
}
/// The same, `duration` from now. A negative one counts as none.
inline SleepAwaiter sleep_for(Time duration) noexcept {
  return SleepAwaiter(time_after(now(), duration));
}

/// Ticks at start + n * period, without drift.
/// Thread   the executor's.
class Interval {
 public:
  /// period   above zero. start   of the first period: the first tick comes one period later.
  explicit Interval(Time period, Time start = now()) noexcept : period_(period), last_(start) {
    PERCORE_ASSERT(period.nanoseconds > 0, "an Interval needs a period above zero");
  }

  class [[nodiscard]] TickAwaiter {
   public:
    explicit TickAwaiter(Interval& interval) noexcept
        : interval_(interval), sleep_(time_after(interval.last_, interval.period_)) {}
    bool await_ready() const noexcept { return sleep_.await_ready(); }
    void await_suspend(std::coroutine_handle<> awaiting) { sleep_.await_suspend(awaiting); }
    Result<std::uint64_t> await_resume() const noexcept;

   private:
    Interval& interval_;
    SleepAwaiter sleep_;
  };

  /// Waits for the next tick; `co_await` it. One at a time.
  /// Returns  how many periods have passed since the last tick that was waited for: more than 1
  ///          when the caller was late, and then only the newest is told. ECANCELED as sleep_for().
  TickAwaiter next() noexcept { return TickAwaiter(*this); }

 private:
  Time period_;
  Time last_;
};

}  // namespace percore
