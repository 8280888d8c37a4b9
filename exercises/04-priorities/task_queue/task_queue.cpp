#include <percore/task_queue.hpp>

#include <algorithm>
#include <percore/assert.hpp>

namespace percore {

// ------------------------------------------- Done, but for one line of step "latency" in add()

constinit thread_local TaskQueues* TaskQueues::current_ = nullptr;

TaskQueue::TaskQueue(TaskQueues& queues, TaskQueueOptions options, unsigned number,
                     RunQueue* run_queue)
    : ShareHolder(options.shares),
      RunQueue(&queues),
      options_(std::move(options)),
      number_(number),
      run_queue_(run_queue != nullptr ? run_queue : this) {}

TaskQueues::TaskQueues(Executor& executor, const TaskQueuesOptions& options)
    : executor_(executor), quantum_(options.quantum) {
  PERCORE_ASSERT(current_ == nullptr, "there are TaskQueues on this thread already");
  PERCORE_ASSERT(Executor::current_or_null() == nullptr,
                 "TaskQueues were made inside a run(): make them before it");
  queues_.push_back(std::make_unique<TaskQueue>(*this, TaskQueueOptions{.name = "default"}, 0,
                                                &executor.running_queue()));
  running_ = queues_.front().get();
  executor.schedule_queues_with(this);
  current_ = this;
}

TaskQueues::~TaskQueues() {
  PERCORE_ASSERT(Executor::current_or_null() == nullptr,
                 "TaskQueues were destroyed inside a run(): tasks may still wait in them");
  lane_.end();
  executor_.schedule_queues_with(nullptr);
  current_ = nullptr;
}

TaskQueue& TaskQueues::add(TaskQueueOptions options) {
  PERCORE_ASSERT(queues_.size() <= 1024, "an executor has room for 1,024 task queues");
  // TODO latency (Q6): while there is a queue with a bound, quanta are at most half of it: an event
  // may come when one has just begun, and its task needs time to be seen.
  queues_.push_back(std::make_unique<TaskQueue>(*this, std::move(options),
                                                static_cast<unsigned>(queues_.size()), nullptr));
  return *queues_.back();
}

// ----------------------------------------------------------------------------------- Step "turn"

void TaskQueues::became_ready(RunQueue& queue) noexcept {
  auto& filled = static_cast<TaskQueue&>(queue);
  // TODO turn (Q3): it wakes. But a queue that runs its last task is empty in the middle of its own
  // turn, and may fill again before the turn ends: that one has been ready all the time.
  static_cast<void>(filled);
}

void TaskQueues::wake(TaskQueue& queue) noexcept {
  // TODO turn: it is ready from now on (fair_), and counts a wake-up.
  //
  // TODO latency (Q4, Q6): one with a bound is due when that is over, and ends the running quantum.
  static_cast<void>(queue);
}

bool TaskQueues::anything_ready() noexcept {
  // Done. Nobody tells when the executor's own queue fills.
  return fair_.anything_ready() || !default_queue().run_queue_->empty();
}

RunQueue* TaskQueues::next_queue() {
  // TODO turn (Q3): the beginning of a turn.
  // - If the executor's own queue has filled and was not ready, it wakes.
  // - If the running quantum is over (quantum_over_), or its end has passed, fair_ picks the next
  //   queue, which begins a quantum. When nobody is ready: lane_.end(), and null.
  // - The turn begins: note it, and when. Both are for end_turn().
  return nullptr;
}

void TaskQueues::begin_quantum(TaskQueue& queue, Time moment) noexcept {
  // TODO turn (Q3): `queue` runs, from `moment` for as long as quantum_ says, and counts a quantum.
  //
  // TODO latency: how long it waited since it woke (wait_max), and whether that is longer than its
  // bound (bounds_missed).
  ask_for_shares(queue, moment);
  lane_.begin(queue.options_.name.c_str(), queue.number_);
}

unsigned TaskQueues::quantum_left() noexcept {
  // TODO turn (Q3): 0 when the running quantum is over, by quantum_over_ or by the clock; else 1:
  // "ask again after each task".
  //
  // TODO latency (Q4): a turn ends for the same reasons for which need_preempt() says yes.
  return 1;
}

void TaskQueues::end_turn() noexcept {
  // TODO turn (Q2): the end of a turn, if one has begun. The running queue is charged for the time
  // since then, in its statistics and in fair_. If it is empty, it sleeps, and its quantum is over.
}

// ----------------------------------------------------------------------------------- Step "move"

void TaskQueues::ask_for_shares(TaskQueue& queue, Time moment) noexcept {
  // TODO move (Q7): asks the manager of `queue`, if it has one and its period is over. What it says
  // may lie outside of shares_min and shares_max.
  static_cast<void>(queue);
  static_cast<void>(moment);
}

// -------------------------------------------------------------------------------- Step "latency"

bool TaskQueues::need_preempt() noexcept {
  // TODO latency (Q4): when the quantum is over, and when completions are there
  // (executor_.ring().has_completions()) while a queue with a bound sleeps. A completion does not
  // say whose it is: the executor must look, and this quantum may go on after it.
  return false;
}

}  // namespace percore
