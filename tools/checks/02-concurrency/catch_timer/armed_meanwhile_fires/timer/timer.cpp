#include <percore/timer.hpp>

#include <sys/prctl.h>

#include <algorithm>

namespace percore {
namespace {

// From a timer's interrupt to the thread that it wakes a CPU needs its time, tens of microseconds
// where it must leave an idle state first. So the sleep is asked to end earlier, by what the last
// ones took, and the rest is spent looking again and again: at most spin_max, then it sleeps again.
constexpr Time spin_max{10'000};
constexpr Time wake_time_max{200'000};
constexpr std::int64_t step_nanoseconds_max = 2'000;  // one late wake-up says little about the next

// The timers of a thread, and what its executor asks of them.
class ThreadTimers final : public Poller {
 public:
  TimerQueue& of(Executor& executor) {
    if (executor_ != &executor) {
      PERCORE_ASSERT(
          executor_ == nullptr,
          "two executors live on one thread, and both use its timers: give each a thread "
          "of its own");
      // Else the kernel may add 50 us to each sleep (prctl(2) PR_SET_TIMERSLACK).
      if (!precise_) precise_ = prctl(PR_SET_TIMERSLACK, 1UL) == 0;
      if (queue_.size() == 0) queue_.fire_due(Time::never());  // its moments begin anew
      executor.add_poller(*this);
      executor_ = &executor;
    }
    return queue_;
  }

  bool poll() override {
    if (queue_.size() == 0)
      return false;  // an executor that no longer sleeps pays no look at the clock
    return queue_.fire_due(executor_->ending() ? Time::never() : now()) != 0;
  }

  Time next_deadline() const override {
    const Time earliest = queue_.earliest();
    if (earliest == Time::never()) return earliest;
    const Time early = earliest - wake_time_ - Time{spin_max.nanoseconds / 2};
    sleep_until_ = early > now() ? early : earliest - spin_max;
    return sleep_until_;
  }

  bool prepare_to_sleep() override {
    sleeps_ = queue_.size() == 0 || queue_.earliest() - spin_max > now();
    return sleeps_;
  }

  void cancel_sleep() override {
    if (!sleeps_ || queue_.size() == 0) return;
    const Time late = now() - sleep_until_;
    if (late.nanoseconds < 0) return;  // a completion came before
    const std::int64_t step = (late - wake_time_).nanoseconds / 8;
    wake_time_ =
        std::clamp(wake_time_ + Time{std::clamp(step, -step_nanoseconds_max, step_nanoseconds_max)},
                   Time{}, wake_time_max);
  }

  void executor_gone() noexcept override { executor_ = nullptr; }

 private:
  Executor* executor_ = nullptr;
  bool precise_ = false;
  bool sleeps_ = false;
  mutable Time sleep_until_;  // what the sleep was asked to end at
  Time wake_time_;            // from there to the thread's next instruction, lately
  TimerQueue queue_;
};

thread_local ThreadTimers thread_timers;

}  // namespace

TimerQueue& timers() {
  return thread_timers.of(Executor::current());
}

void TimerQueue::deal_out_lowest() noexcept {
  const auto lowest = static_cast<std::size_t>(std::countr_zero(filled_));
  filled_ &= ~(std::uint64_t{1} << lowest);
  base_ = std::max(base_, earliest_of_[lowest]);
  Link& bucket = buckets_[lowest];
  while (!bucket.alone()) {
    auto& timer = static_cast<Timer&>(*bucket.behind);
    timer.remove();
    if (timer.deadline_ <= base_) {
      timer.insert_before(due_);
    } else {
      place(timer);
    }
  }
}

std::size_t TimerQueue::fire_due(Time now) noexcept {
  reached_ = std::max(reached_, now);
  while (earliest() <= now && filled_ != 0) deal_out_lowest();
  if (filled_ == 0) base_ = Time{};
  std::size_t fired = 0;
  for (; !due_.alone(); ++fired) {
    auto& timer = static_cast<Timer&>(*due_.behind);
    timer.remove();
    --size_;
    timer.fire_(timer);
    if (earliest() <= now && filled_ != 0 && fired < 8) deal_out_lowest();
  }
  if (now == Time::never() && size_ == 0) reached_ = Time{};
  return fired;
}

Result<void> SleepAwaiter::await_resume() const noexcept {
  if (in_time_) return {};
  return std::unexpected(std::error_code(ECANCELED, std::system_category()));
}

Result<std::uint64_t> Interval::TickAwaiter::await_resume() const noexcept {
  if (const Result<void> slept = sleep_.await_resume(); !slept)
    return std::unexpected(slept.error());
  const auto passed = static_cast<std::uint64_t>((now() - interval_.last_).nanoseconds /
                                                 interval_.period_.nanoseconds);
  interval_.last_ = {interval_.last_.nanoseconds +
                     static_cast<std::int64_t>(passed) * interval_.period_.nanoseconds};
  return passed;
}

}  // namespace percore
