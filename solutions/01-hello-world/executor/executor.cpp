#include <percore/executor.hpp>

#include <algorithm>

namespace percore {

// The run queue

void RunQueue::push(std::coroutine_handle<> coroutine) noexcept {
  if (size_ == slots_.size()) reserve(size_ + 1);
  if (size_ == 0 && scheduler_ != nullptr) scheduler_->became_ready(*this);
  slots_[(front_ + size_) % slots_.size()] = coroutine;
  ++size_;
}

std::coroutine_handle<> RunQueue::pop() noexcept {
  const std::coroutine_handle<> coroutine = slots_[front_];
  front_ = (front_ + 1) % slots_.size();
  --size_;
  return coroutine;
}

void RunQueue::reserve(std::size_t coroutines) {
  if (coroutines <= slots_.size()) return;
  std::vector<std::coroutine_handle<>> larger(std::max(coroutines, 2 * slots_.size()));
  for (std::size_t i = 0; i < size_; ++i) larger[i] = slots_[(front_ + i) % slots_.size()];
  slots_ = std::move(larger);
  front_ = 0;
}

// The executor

constinit thread_local Executor* Executor::current_ = nullptr;

Executor::Executor(const ExecutorOptions& options) : ring_(options.ring), options_(options) {}

Executor::~Executor() {
  PERCORE_ASSERT(current_ != this, "an executor was destroyed by a task that it runs");
}

Executor& Executor::current() noexcept {
  PERCORE_ASSERT(current_ != nullptr,
                 "this needs a running executor on this thread: call it from a task");
  return *current_;
}

void Executor::RootHook::root_finished(FinishHook& self, std::coroutine_handle<>) noexcept {
  current().task_ended();
  static_cast<RootHook&>(self).reached = true;
}

// The scheduler of lesson 04, where there is one

void Executor::choose_queue() {
  if (scheduler_ == nullptr) return;
  if (RunQueue* const next = scheduler_->next_queue(); next != nullptr) running_queue_ = next;
}

bool Executor::quantum_over() {
  return scheduler_ != nullptr && scheduler_->quantum_left() == 0;
}

void Executor::end_turn() {
  if (scheduler_ != nullptr) scheduler_->end_turn();
}

bool Executor::anything_ready() {
  if (!running_queue_->empty()) return true;
  return scheduler_ != nullptr && scheduler_->anything_ready();
}

// The turn of the loop

void Executor::run_until_all_ended(const RootHook& root) {
  PERCORE_ASSERT(current_ == nullptr,
                 "an executor was run inside another one on the same thread: spawn() the task");
  PERCORE_ASSERT(pthread_equal(owner_, pthread_self()) != 0,
                 "an executor was run on another thread than the one that constructed it");
  current_ = this;
  unsigned turns_after_root = 0;
  for (resume_ready(); tasks_alive_ != 0; resume_ready()) {
    if (root.reached && !ending_) {
      ending_ = true;
      ring_.cancel_all();
    }
    PERCORE_ASSERT(
        !ending_ || turns_after_root++ < options_.ending_turns_max,
        "the root task has ended and another task goes on without end: have it look at ending()");
    look_around();
  }
  ending_ = false;
  running_queue_ = &own_queue_;
  current_ = nullptr;
}

void Executor::resume_ready() {
  choose_queue();
  for (unsigned i = 0; i < options_.resumes_per_turn_max && !running_queue_->empty(); ++i) {
    run_chain(running_queue_->pop());
    if (quantum_over()) break;
  }
  end_turn();
}

void Executor::look_around() {
  pollers_.poll();
  if (!anything_ready()) return sleep();
  // Others are ready, so the entries may wait a few turns for company.
  const bool enter =
      ring_.unsubmitted() != 0 && ++turns_without_enter_ >= options_.turns_without_enter_max;
  if (!enter && !ring_.has_completions()) return;
  turns_without_enter_ = 0;
  ring_.turn(Wait::no);
}

void Executor::sleep() {
  const bool prepared = pollers_.prepare_to_sleep();
  // A poller that needed an entry of a full queue may have collected completions.
  const bool quiet = prepared && !anything_ready();
  const Time deadline = pollers_.next_deadline();
  if (quiet && ring_.in_flight() == 0 && deadline == Time::never()) {
    end_of_program_by_deadlock(tasks_alive_, ending_);
  }
  turns_without_enter_ = 0;
  ring_.turn(quiet ? Wait::for_completion : Wait::no, deadline);
  pollers_.cancel_sleep();
}

}  // namespace percore
