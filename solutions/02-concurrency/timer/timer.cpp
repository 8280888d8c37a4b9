#include <percore/timer.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace percore {

void TimerQueue::arm(Timer& timer, Time deadline) noexcept {
  PERCORE_ASSERT(!timer.armed(), "a timer was armed that is armed already: cancel it first");
  timer.deadline_ = std::max(deadline, reached_);
  timer.number_ = ++armings_;
  ++size_;
  add(&timer);
}

bool TimerQueue::cancel(Timer& timer) noexcept {
  if (!timer.armed()) return false;
  take_out(timer);
  return true;
}

std::size_t TimerQueue::fire_due(Time now) noexcept {
  reached_ = std::max(reached_, now);
  const std::uint64_t newest = armings_;  // what is armed from here on waits for the next call
  std::size_t fired = 0;
  while (root_ != nullptr && root_->deadline_ <= now && root_->number_ <= newest) {
    Timer& timer = *root_;
    take_out(timer);
    ++fired;
    timer.fire_(timer);
  }
  if (root_ == nullptr && now == Time::never()) reached_ = Time{};  // the end of an executor
  return fired;
}

bool TimerQueue::before(const Timer& a, const Timer& b) noexcept {
  if (a.deadline_ != b.deadline_) return a.deadline_ < b.deadline_;
  return a.number_ < b.number_;
}

// The later one becomes the first child of the earlier one. Either may be null.
Timer* TimerQueue::merge(Timer* a, Timer* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (before(*b, *a)) std::swap(a, b);
  b->sibling_ = a->child_;
  if (b->sibling_ != nullptr) b->sibling_->link_ = &b->sibling_;
  b->link_ = &a->child_;
  a->child_ = b;
  return a;
}

// `first` and its siblings become one heap: in pairs from the left, then the pairs from the right.
// Merging one by one would leave the next root with as many children again.
Timer* TimerQueue::merge_all(Timer* first) noexcept {
  Timer* pairs = nullptr;
  while (first != nullptr) {
    Timer* const a = first;
    Timer* const b = std::exchange(a->sibling_, nullptr);
    first = b == nullptr ? nullptr : std::exchange(b->sibling_, nullptr);
    Timer* const pair = merge(a, b);
    pair->sibling_ = pairs;
    pairs = pair;
  }
  Timer* all = nullptr;
  while (pairs != nullptr) {
    Timer* const rest = std::exchange(pairs->sibling_, nullptr);
    all = merge(all, pairs);
    pairs = rest;
  }
  return all;
}

void TimerQueue::add(Timer* heap) noexcept {
  root_ = merge(root_, heap);
  if (root_ != nullptr) root_->link_ = &root_;
}

void TimerQueue::take_out(Timer& timer) noexcept {
  *timer.link_ = timer.sibling_;
  if (timer.sibling_ != nullptr) timer.sibling_->link_ = timer.link_;
  timer.link_ = nullptr;
  timer.sibling_ = nullptr;
  --size_;
  add(merge_all(std::exchange(timer.child_, nullptr)));
}

namespace {

// What the executor asks of the timers of its thread.
class ThreadTimers final : public Poller {
 public:
  TimerQueue& of(Executor& executor) {
    if (executor_ == nullptr) {
      if (queue_.size() == 0) queue_.fire_due(Time::never());  // its moments begin anew
      executor.add_poller(*this);
      executor_ = &executor;
    }
    return queue_;
  }
  bool poll() override { return queue_.fire_due(executor_->ending() ? Time::never() : now()) != 0; }
  Time next_deadline() const override { return queue_.earliest(); }
  void executor_gone() noexcept override { executor_ = nullptr; }

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
  waiting_ = Runnable::of(awaiting);
  timers().arm(*this, wanted_);
}

void SleepAwaiter::fired(Timer& self) noexcept {
  auto& sleep = static_cast<SleepAwaiter&>(self);
  sleep.in_time_ = !Executor::current().ending();
  sleep.waiting_.schedule();
}

Result<void> SleepAwaiter::await_resume() const noexcept {
  if (in_time_) return {};
  return std::unexpected(std::error_code(ECANCELED, std::system_category()));
}

Result<std::uint64_t> Interval::TickAwaiter::await_resume() const noexcept {
  const Result<void> slept = SleepAwaiter::await_resume();
  if (!slept) return std::unexpected(slept.error());
  const std::int64_t period = interval_.period_.nanoseconds;
  const std::int64_t passed = (now() - interval_.last_).nanoseconds / period;
  interval_.last_ = interval_.last_ + Time{passed * period};
  return static_cast<std::uint64_t>(passed);
}

}  // namespace percore
