#pragma once

#include <coroutine>
#include <memory>
#include <percore/contract/task_queue.hpp>
#include <percore/contract/task_queue_parts.hpp>
#include <percore/executor.hpp>
#include <percore/fair_share.hpp>
#include <string>
#include <utility>
#include <vector>

// Task queues on the executor, in three steps. The contract, <percore/contract/task_queue.hpp>, has
// the invariants Q1 to Q7: keep it open beside this, and QueueScheduler in
// <percore/contract/executor.hpp>.
//
// - Step "turn" (Q2, Q3), in task_queue.cpp: whose turn it is, for how long, and what it costs.
// - Step "move" (Q1, Q7): into which queue a task goes, in this file; shares that change, there.
// - Step "latency" (Q4 to Q6): giving way, in this file; the bound, in task_queue.cpp.

namespace percore {

class TaskQueues;

/// A run queue that has shares of its executor's thread. See contract/task_queue.hpp.
class TaskQueue : ShareHolder, RunQueue {
 public:
  TaskQueue(TaskQueues& queues, TaskQueueOptions options, unsigned number, RunQueue* run_queue);

  const std::string& name() const noexcept { return options_.name; }
  unsigned shares() const noexcept { return ShareHolder::shares(); }
  void change_shares(unsigned shares) noexcept { set_shares(shares); }
  const TaskQueueStatistics& statistics() const noexcept { return statistics_; }
  RunQueue& run_queue() noexcept { return *run_queue_; }

 private:
  friend class TaskQueues;
  bool has_bound() const noexcept { return options_.latency != Time::never(); }

  TaskQueueOptions options_;
  unsigned number_;
  RunQueue* run_queue_;  // itself; of the default queue the executor's own
  Time ask_for_shares_at_;
  // TODO latency: what is needed to say how long it waited from its wake-up to its quantum.
  TaskQueueStatistics statistics_;
};

/// The task queues of one executor. Thread   the executor's; made before its run() and destroyed
/// after it.
class TaskQueues final : QueueScheduler {
 public:
  explicit TaskQueues(Executor& executor, const TaskQueuesOptions& options = {});
  ~TaskQueues() override;
  TaskQueues(const TaskQueues&) = delete;
  TaskQueues& operator=(const TaskQueues&) = delete;

  static TaskQueues* current_or_null() noexcept { return current_; }
  TaskQueue& add(TaskQueueOptions options);
  /// Its run queue is the executor's own: where the root task begins.
  TaskQueue& default_queue() noexcept { return *queues_.front(); }
  TaskQueue& running() noexcept { return *running_; }
  bool need_preempt() noexcept;
  /// Ends the quantum of the running queue.
  void give_way() noexcept { quantum_over_ = true; }

 private:
  friend class TaskQueue;

  RunQueue* next_queue() override;
  void became_ready(RunQueue& queue) noexcept override;
  bool anything_ready() noexcept override;
  unsigned quantum_left() noexcept override;
  void end_turn() noexcept override;

  void wake(TaskQueue& queue) noexcept;
  void begin_quantum(TaskQueue& queue, Time moment) noexcept;
  void ask_for_shares(TaskQueue& queue, Time moment) noexcept;

  static constinit thread_local TaskQueues* current_;

  Executor& executor_;
  Time quantum_;
  FairShare fair_;
  std::vector<std::unique_ptr<TaskQueue>> queues_;  // the default one first
  TaskQueue* running_ = nullptr;
  bool quantum_over_ = true;
  Time quantum_end_;
  bool in_turn_ = false;
  Time turn_began_;
  QueueLane lane_;  // which queue runs, for the pictures of a run
};

// ----------------------------------------------------------------------------------- Step "move"

/// Starts `task` at the back of `queue`.
template <typename T>
JoinHandle<T> spawn_into(TaskQueue& queue, Task<T> task) {
  // TODO move (Q1): in `queue`. spawn() takes a run queue as its second argument.
  static_cast<void>(queue);
  return spawn(std::move(task));
}

class [[nodiscard]] MoveAwaiter {
 public:
  explicit MoveAwaiter(TaskQueue& queue) noexcept : queue_(queue.run_queue()) {}
  bool await_ready() const noexcept {
    // TODO move (Q1): a task that is there already does not suspend.
    return true;
  }
  void await_suspend(std::coroutine_handle<> coroutine) const {
    // TODO move (Q1): at the back of `queue_`. Its later wake-ups must find room there, for as many
    // tasks as are alive; reserve() makes it, and may throw.
    static_cast<void>(coroutine);
  }
  void await_resume() const noexcept {}

 private:
  RunQueue& queue_;
};

/// The running task goes on in `queue`. `co_await` it.
inline MoveAwaiter move_to(TaskQueue& queue) noexcept {
  return MoveAwaiter(queue);
}

// -------------------------------------------------------------------------------- Step "latency"

/// Whether the running task should give way. Done: without task queues it asks for completions.
inline bool need_preempt() noexcept {
  TaskQueues* const queues = TaskQueues::current_or_null();
  return queues != nullptr ? queues->need_preempt() : Executor::current().ring().has_completions();
}

class [[nodiscard]] YieldIfNeeded {
 public:
  YieldIfNeeded() noexcept {}
  bool await_ready() const noexcept {
    // TODO latency (Q5): does nothing while there is no need.
    return true;
  }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    // TODO latency (Q5): the task goes to the back of its queue, and the queue gives way, where
    // there are TaskQueues.
    static_cast<void>(coroutine);
  }
  void await_resume() const noexcept {}
};

/// Gives way if it is time to. `co_await` it.
inline YieldIfNeeded yield_if_needed() noexcept {
  return {};
}

}  // namespace percore
