#include <percore/executor.hpp>

#include <algorithm>

namespace percore {

// ----------------------------------------------------------------------------- Step "run_queue"

std::size_t RunQueue::size() const noexcept {
  // TODO run_queue
  return 0;
}

void RunQueue::push(std::coroutine_handle<> coroutine) noexcept {
  // TODO run_queue (E1): to the back. When the queue was empty before and there is a scheduler, it
  // is told first: scheduler_->became_ready(*this). When there is no room, makes some; nothing is
  // ever dropped or overwritten.
  static_cast<void>(coroutine);
}

std::coroutine_handle<> RunQueue::pop() noexcept {
  // TODO run_queue (E1): takes the one at the front. The queue is not empty.
  return std::noop_coroutine();
}

void RunQueue::reserve(std::size_t coroutines) {
  // TODO run_queue: makes room for so many at once. Those that are in the queue stay, in their
  // order.
  static_cast<void>(coroutines);
}

// ------------------------------------------------------------------------------------------ Done

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

// Done. Lesson 04 brings a scheduler, which shares the thread out among many queues; until then
// there is none, and the executor's own queue is the running one.

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

// ---------------------------------------------------------------------------------- Step "turn"

void Executor::run_until_all_ended(const RootHook& root) {
  PERCORE_ASSERT(current_ == nullptr,
                 "an executor was run inside another one on the same thread: spawn() the task");
  PERCORE_ASSERT(pthread_equal(owner_, pthread_self()) != 0,
                 "an executor was run on another thread than the one that constructed it");
  current_ = this;

  // This loop is enough for the steps "run_queue" and "join": it never looks at the ring,
  // and gives up when nothing is ready.
  //
  // TODO turn (E6): resume_ready() and look_around() in turn, until every task has
  // ended. Once the root has ended (root.reached) and others are alive, the executor is ending:
  // sets ending_ and asks the ring, once, to cancel what is in flight, so that those who wait go on
  // and end. More than options_.ending_turns_max turns after that: PERCORE_ASSERT with a sentence
  // that tells the programmer what to do; each run() counts from 0. Afterwards everything is as
  // before, so that run() can be called again: ending_ is false, and running_queue_ is own_queue_
  // once more, whichever queue was the last to run.
  static_cast<void>(root);
  while (!running_queue_->empty()) run_chain(running_queue_->pop());
  PERCORE_ASSERT(
      tasks_alive_ == 0,
      "nothing is ready and a task has not ended: was a coroutine lost on its way through "
      "the run queue, or does it wait for the ring, which this loop never looks at?");

  current_ = nullptr;
}

void Executor::resume_ready() {
  // TODO turn (E1, E2): choose_queue(), then resumes (run_chain) what is ready in the running
  // queue, but no more than options_.resumes_per_turn_max: someone who yields all the time must not
  // keep completions from being seen. After each resume quantum_over() says whether it is another
  // queue's turn; end_turn() when this one's is over.
}

void Executor::look_around() {
  // TODO turn (E2, E3): lets the pollers look (pollers_.poll()), asks anything_ready(), and then
  // - nothing is ready: sleeps, with sleep();
  // - something is ready: takes a turn of the ring that does not sleep, but only for a reason. One
  //   reason is that completions are there. The other is that entries have waited for company for
  //   options_.turns_without_enter_max turns; the turn in which an entry was queued counts: 1 = at
  //   the end of that same turn. Without a reason, no system call.
}

void Executor::sleep() {
  // TODO turn (E3): one turn of the ring that sleeps until a completion or until the
  // pollers' next deadline. Around it, the pollers' rules: prepare_to_sleep() first; when it says
  // no, the turn must not sleep; cancel_sleep() afterwards in any case. A poller that prepares may
  // ask a full queue for an entry, and the ring then submits and collects: ask anything_ready()
  // once more. When nothing is in flight and no deadline is set, nothing can ever happen:
  // end_of_program_by_deadlock(tasks_alive_, ending_).
}

}  // namespace percore
