#include <percore/timer.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace percore {

// --------------------------------------------------------------------------------- Step "queue"

void TimerQueue::arm(Timer& timer, Time deadline) noexcept {
  // TODO queue (D2, D5): to its place. Requires that it is not armed: PERCORE_ASSERT. A deadline
  // that is earlier than the newest moment which fire_due() was told becomes that moment.
  timer.deadline_ = deadline;
}

bool TimerQueue::cancel(Timer& timer) noexcept {
  // TODO queue (D3, D5): takes it out, wherever it stands; false when it is not armed.
  static_cast<void>(timer);
  return false;
}

std::size_t TimerQueue::fire_due(Time now) noexcept {
  // TODO queue (D1 to D3): fires those that are due, first the earliest, and returns how many. A
  // timer that fires is not armed any more, so that its function may arm it again; what is armed
  // meanwhile waits for the next call, and what is cancelled meanwhile does not fire. After a call
  // with Time::never() that leaves none armed, the newest moment is forgotten.
  static_cast<void>(now);
  return 0;
}

Time TimerQueue::earliest() const noexcept {
  // TODO queue (D4): the deadline of the first one; Time::never() when there is none.
  return Time::never();
}

// --------------------------------------------------------------------------------- Step "sleep"

namespace {

// What the executor asks of the timers of its thread: Poller in <percore/contract/executor.hpp>.
class ThreadTimers final : public Poller {
 public:
  // Done: the first use of an executor adds them to its pollers; its moments begin anew.
  TimerQueue& of(Executor& executor) {
    if (executor_ == nullptr) {
      if (queue_.size() == 0) queue_.fire_due(Time::never());
      executor.add_poller(*this);
      executor_ = &executor;
    }
    return queue_;
  }

  bool poll() override {
    // TODO sleep (D2, D7): fires what is due now; everything, once the executor is ending(). Says
    // whether anything fired.
    return false;
  }

  Time next_deadline() const override {
    // TODO sleep (D4): until when may the thread sleep?
    return Time::never();
  }

  void executor_gone() noexcept override {
    // TODO sleep: that executor is no more. The next one on this thread wants to be joined, too.
  }

 private:
  Executor* executor_ = nullptr;
  TimerQueue queue_;
};

thread_local ThreadTimers thread_timers;

}  // namespace

TimerQueue& timers() {
  return thread_timers.of(Executor::current());
}

void SleepAwaiter::await_suspend(std::coroutine_handle<> awaiting) {
  // TODO sleep: remembers who sleeps, and in which queue they go on (Runnable::of); arms itself.
  // As it stands, who sleeps is woken at once.
  Runnable::of(awaiting).schedule();
}

void SleepAwaiter::fired(Timer& self) noexcept {
  auto& sleep = static_cast<SleepAwaiter&>(self);
  // TODO sleep: makes the sleeper ready. Was it in time, or does the executor end?
  static_cast<void>(sleep);
}

Result<void> SleepAwaiter::await_resume() const noexcept {
  // TODO sleep (D7): ECANCELED, of std::system_category(), unless it fired in time.
  return {};
}

// ------------------------------------------------------------------------------ Step "interval"

Result<std::uint64_t> Interval::TickAwaiter::await_resume() const noexcept {
  // TODO interval (D6): how many periods have passed since the last tick that was told; notes the
  // newest one in the interval. An error of the sleep is handed on.
  return std::uint64_t{1};
}

}  // namespace percore
