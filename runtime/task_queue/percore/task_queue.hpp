#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <percore/contract/task_queue.hpp>
#include <percore/contract/task_queue_parts.hpp>
#include <percore/executor.hpp>
#include <percore/fair_share.hpp>
#include <string>
#include <utility>
#include <vector>

namespace percore {

class TaskQueues;

/// A run queue that has shares of its executor's thread. See contract/task_queue.hpp.
/// Thread   the executor's.
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
  Time woken_ = Time::never();  // of a queue with a bound that waits for its quantum
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

  /// Those of this thread, or null.
  static TaskQueues* current_or_null() noexcept { return current_; }

  TaskQueue& add(TaskQueueOptions options);
  TaskQueue& default_queue() noexcept { return *queues_.front(); }
  TaskQueue& running() noexcept { return *running_; }

  /// Whether the running task should give way.
  /// Cost     a read of the clock; none where a flag says it already.
  bool need_preempt() noexcept { return may_not_go_on() || now() >= quantum_end_; }
  /// Ends the quantum of the running queue.
  void give_way() noexcept { quantum_over_ = true; }

 private:
  friend class TaskQueue;

  RunQueue* next_queue() override;
  void became_ready(RunQueue& queue) noexcept override;
  bool anything_ready() noexcept override;
  unsigned quantum_left() noexcept override;
  void end_turn() noexcept override;

  // A completion may be one that a queue with a bound waits for; only then is it looked for.
  bool may_not_go_on() noexcept {
    return quantum_over_ || (bounded_asleep_ != 0 && executor_.ring().has_completions());
  }
  void wake(TaskQueue& queue) noexcept;
  void begin_quantum(TaskQueue& queue, Time moment) noexcept;

  static constinit thread_local TaskQueues* current_;

  Executor& executor_;
  TaskQueue* running_ = nullptr;
  bool quantum_over_ = true;
  unsigned bounded_asleep_ = 0;  // queues with a bound that are empty
  Time quantum_end_;
  Time quantum_;
  Time turn_began_ = Time::never();  // never: no turn is under way
  Time looked_;
  unsigned stretch_ = 1;
  unsigned short_looks_ = 0;  // in a row, at this length of stretch
  FairShare fair_;
  std::vector<std::unique_ptr<TaskQueue>> queues_;  // the default one first
  QueueLane lane_;
};

/// Starts `task` at the back of `queue`.
/// Throws   std::bad_alloc, the task then unstarted and freed.
template <typename T>
JoinHandle<T> spawn_into(TaskQueue& queue, Task<T> task) {
  return spawn(std::move(task), queue.run_queue());
}

/// Awaiter of move_to().
class [[nodiscard]] MoveAwaiter {
 public:
  explicit MoveAwaiter(TaskQueue& queue) noexcept : queue_(queue.run_queue()) {}
  bool await_ready() const noexcept { return &Executor::current().running_queue() == &queue_; }
  void await_suspend(std::coroutine_handle<> coroutine) const {
    queue_.reserve(Executor::current().tasks_alive());  // its wake-ups may not need room later
    queue_.push(coroutine);
  }
  void await_resume() const noexcept {}

 private:
  RunQueue& queue_;
};

/// The running task goes on in `queue`, and stays there. `co_await` it.
/// Throws   std::bad_alloc, and then goes on where it was.
inline MoveAwaiter move_to(TaskQueue& queue) noexcept {
  return MoveAwaiter(queue);
}

/// Whether the running task should give way: see contract/task_queue.hpp.
inline bool need_preempt() noexcept {
  TaskQueues* const queues = TaskQueues::current_or_null();
  return queues != nullptr ? queues->need_preempt() : Executor::current().ring().has_completions();
}

/// Awaiter of yield_if_needed().
class [[nodiscard]] YieldIfNeeded {
 public:
  YieldIfNeeded() noexcept {}
  bool await_ready() const noexcept { return !need_preempt(); }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    if (TaskQueues* const queues = TaskQueues::current_or_null(); queues != nullptr)
      queues->give_way();
    Executor::current().running_queue().push(coroutine);
  }
  void await_resume() const noexcept {}
};

/// Gives way if it is time to; a task that computes awaits it often.
/// Cost     that of need_preempt().
inline YieldIfNeeded yield_if_needed() noexcept {
  return {};
}

}  // namespace percore
