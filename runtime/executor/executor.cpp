#include <percore/executor.hpp>

#include <pthread.h>

#include <algorithm>
#include <bit>

namespace percore {

constinit thread_local Executor* Executor::current_ = nullptr;

namespace {
constexpr Time cancel_tasks_again_after{100'000'000};
}

void RunQueue::grow(std::size_t coroutines_min) {
  constexpr std::size_t capacity_first = 64;
  const std::size_t capacity = std::bit_ceil(std::max(coroutines_min, capacity_first));
  auto slots = std::make_unique<std::coroutine_handle<>[]>(capacity);
  for (std::size_t i = head_; i != tail_; ++i)
    slots[i & (capacity - 1)] = slots_[i & (capacity_ - 1)];
  slots_ = std::move(slots);
  capacity_ = capacity;
}

Executor::Executor(const ExecutorOptions& options)
    : ring_(options.ring), options_(options), owner_thread_(pthread_self()) {
  PERCORE_ASSERT(
      options.resumes_per_turn_max != 0,
      "an executor that resumes no task in a turn gets nowhere: resumes_per_turn_max is at "
      "least 1");
}

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
  for (take_turn(); !root.reached; take_turn()) look_around();
  end_what_is_alive();
  pollers_.poll_once_more();  // before the thread goes on with other things
  running_queue_ = &own_queue_;
  current_ = nullptr;
}

void Executor::end_what_is_alive() {
  if (tasks_alive_ == 0) return;
  ending_ = true;
  ring_.cancel_all();
  for (unsigned turns = 0; tasks_alive_ != 0; ++turns, take_turn()) {
    PERCORE_ASSERT(turns < options_.ending_turns_max,
                   "the root task has ended and another task goes on without end: have it stop at "
                   "Executor::current().ending(), or await its JoinHandle in the root task");
    look_around();
  }
  ending_ = false;
}

void Executor::take_turn() {
  if (scheduler_ != nullptr) [[unlikely]]
    return take_scheduled_turn();
  resume_ready(options_.resumes_per_turn_max);
}

void Executor::take_scheduled_turn() {
  if (RunQueue* const next = scheduler_->next_queue(); next != nullptr) running_queue_ = next;
  unsigned left = options_.resumes_per_turn_max;
  for (unsigned stretch = 1; stretch != 0 && !running_queue_->empty();) {
    stretch = std::min(stretch, left);
    resume_ready(stretch);
    left -= stretch;
    stretch = left == 0 ? 0 : scheduler_->quantum_left();
  }
  scheduler_->end_turn();
}

void Executor::resume_ready(unsigned resumes_max) {
  resumes_left_ = resumes_max;
  RunQueue& queue = *running_queue_;
  while (resumes_left_ != 0 && !queue.empty()) {
    // What is ready now is popped without asking again. A yield that asks resumes_left_ while
    // others are ready goes to the back in any case, so what the batch takes can be counted before
    // it runs.
    unsigned batch = static_cast<unsigned>(std::min<std::size_t>(queue.size(), resumes_left_));
    resumes_left_ -= batch;
    for (; batch != 0; --batch) run_chain(queue.pop());
  }
  resumes_left_ = 0;
}

void Executor::look_around() {
  pollers_.poll();
  if (anything_ready()) {
    look_at_ring();
  } else {
    sleep();
  }
}

bool Executor::anything_ready() noexcept {
  return !running_queue_->empty() || (scheduler_ != nullptr && scheduler_->anything_ready());
}

void Executor::look_at_ring() {
  const bool entries_waited =
      ring_.unsubmitted() != 0 && ++turns_without_enter_ >= options_.turns_without_enter_max;
  if (!entries_waited && !ring_.has_completions()) return;
  turns_without_enter_ = 0;
  ring_.turn(Wait::no);
}

void Executor::sleep() {
  // A poller that needed an entry of a full queue may have collected completions.
  const bool quiet = pollers_.prepare_to_sleep([this] { return anything_ready(); });
  if (!quiet && anything_ready()) {  // what they found while they prepared goes on at once
    pollers_.cancel_sleep();
    look_at_ring();
    return;
  }
  Time deadline = pollers_.next_deadline();
  if (quiet && ring_.in_flight() == 0 && deadline == Time::never()) {
    end_of_program_by_deadlock(tasks_alive_, ending_);
  }
  // What is linked behind an operation that the cancel came too late for starts only now.
  const bool cancels_again = ending_ && ring_.in_flight() != 0;
  if (cancels_again) deadline = std::min(deadline, now() + cancel_tasks_again_after);
  turns_without_enter_ = 0;
  const unsigned completions = ring_.turn(quiet ? Wait::for_completion : Wait::no, deadline);
  pollers_.cancel_sleep();
  if (cancels_again && completions == 0 && now() >= deadline) ring_.cancel_all();
}

}  // namespace percore
