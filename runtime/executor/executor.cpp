#include <percore/executor.hpp>

#include <pthread.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace percore {

constinit thread_local Executor* Executor::current_ = nullptr;

void RunQueue::grow(std::size_t coroutines_min) {
  constexpr std::size_t capacity_first = 64;
  const std::size_t capacity = std::bit_ceil(std::max(coroutines_min, capacity_first));
  auto slots = std::make_unique<std::coroutine_handle<>[]>(capacity);
  for (std::size_t i = head_; i != tail_; ++i)
    slots[i & (capacity - 1)] = slots_[i & (capacity_ - 1)];
  slots_ = std::move(slots);
  capacity_ = capacity;
}

namespace executor_detail {

void detached_task_threw(std::exception_ptr exception) noexcept {
  const char* what = "something that is not a std::exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  std::fprintf(
      stderr, "percore: a detached task ended with an exception that nobody can see any more: %s\n",
      what);
  std::abort();
}

}  // namespace executor_detail

Executor::Executor(const ExecutorOptions& options)
    : ring_(options.ring), options_(options), owner_thread_(pthread_self()) {}

Executor::~Executor() {
  PERCORE_ASSERT(current_ != this, "an executor was destroyed by a task that it runs");
}

void Executor::run_until_all_ended(const executor_detail::RootHook& root) {
  PERCORE_ASSERT(current_ == nullptr,
                 "an executor was run inside another one on the same thread: spawn() the task");
  PERCORE_ASSERT(pthread_equal(owner_thread_, pthread_self()) != 0,
                 "an executor was run on another thread than the one that constructed it: its ring "
                 "has one issuer");
  current_ = this;
  for (resume_ready(); !root.reached; resume_ready()) look_around();
  end_what_is_alive();
  running_queue_ = &own_queue_;
  current_ = nullptr;
}

void Executor::end_what_is_alive() {
  if (tasks_alive_ == 0) return;
  ending_ = true;
  ring_.cancel_all();
  for (unsigned turns = 0; tasks_alive_ != 0; ++turns, resume_ready()) {
    PERCORE_ASSERT(turns < options_.ending_turns_max,
                   "the root task has ended and another task goes on without end: have it stop at "
                   "Executor::current().ending(), or await its JoinHandle in the root task");
    look_around();
  }
  ending_ = false;
}

void Executor::resume_ready() {
  resumes_left_ = options_.resumes_per_turn_max;
  RunQueue& queue = *running_queue_;
  while (resumes_left_ != 0 && !queue.empty()) {
    --resumes_left_;
    run_chain(queue.pop());
  }
  resumes_left_ = 0;
}

void Executor::look_around() {
  poll_pollers();
  if (anything_ready()) {
    look_at_ring();
  } else {
    sleep();
  }
}

bool Executor::anything_ready() noexcept {
  if (scheduler_ != nullptr) {
    if (RunQueue* const next = scheduler_->next_queue(); next != nullptr) running_queue_ = next;
  }
  return !running_queue_->empty();
}

void Executor::poll_pollers() {
  for (std::size_t i = 0; i < pollers_count_; ++i) pollers_[i]->poll();
}

void Executor::look_at_ring() {
  const bool entries_waited =
      ring_.unsubmitted() != 0 && ++turns_without_enter_ >= options_.turns_without_enter_max;
  if (!entries_waited && !ring_.has_completions()) return;
  turns_without_enter_ = 0;
  ring_.turn(Wait::no);
}

void Executor::sleep() {
  std::size_t prepared = 0;
  bool quiet = true;
  while (quiet && prepared < pollers_count_) quiet = pollers_[prepared++]->prepare_to_sleep();
  Time deadline = Time::never();
  for (std::size_t i = 0; i < pollers_count_; ++i)
    deadline = std::min(deadline, pollers_[i]->next_deadline());
  if (quiet && ring_.in_flight() == 0 && deadline == Time::never()) report_deadlock();
  turns_without_enter_ = 0;
  ring_.turn(quiet ? Wait::for_completion : Wait::no, deadline);
  while (prepared != 0) pollers_[--prepared]->cancel_sleep();
}

void Executor::report_deadlock() const {
  std::fprintf(
      stderr,
      "percore: %zu task%s for something that can no longer happen: nothing is ready, nothing is "
      "in flight and "
      "no deadline is set%s\n",
      tasks_alive_, tasks_alive_ == 1 ? " waits" : "s wait",
      ending_ ? ". The root task has ended: it must end or wake the tasks that it spawned." : "");
  std::abort();
}

void Executor::add_poller(Poller& poller) {
  PERCORE_ASSERT(pollers_count_ < pollers_max, "an executor has room for 16 pollers");
  pollers_[pollers_count_++] = &poller;
}

void Executor::remove_poller(Poller& poller) noexcept {
  const auto end = pollers_.begin() + static_cast<std::ptrdiff_t>(pollers_count_);
  const auto found = std::find(pollers_.begin(), end, &poller);
  PERCORE_ASSERT(found != end, "a poller was removed that had not been added");
  std::copy(found + 1, end, found);
  --pollers_count_;
}

}  // namespace percore
