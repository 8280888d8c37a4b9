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
  Time woken_;
  bool first_quantum_ = false;  // the next one is the first since it woke
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
  TaskQueue& default_queue() noexcept { return *queues_.front(); }
  TaskQueue& running() noexcept { return *running_; }
  bool need_preempt() noexcept;
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
  bool somebody_with_a_bound_sleeps() noexcept;

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
  QueueLane lane_;
};

/// Starts `task` at the back of `queue`.
template <typename T>
JoinHandle<T> spawn_into(TaskQueue& queue, Task<T> task) {
  return spawn(std::move(task), queue.run_queue());
}

class [[nodiscard]] MoveAwaiter {
 public:
  explicit MoveAwaiter(TaskQueue& queue) noexcept : queue_(queue.run_queue()) {}
  bool await_ready() const noexcept { return &Executor::current().running_queue() == &queue_; }
  void await_suspend(std::coroutine_handle<> coroutine) const {
    queue_.reserve(Executor::current().tasks_alive());
    queue_.push(coroutine);
  }
  void await_resume() const noexcept {}

 private:
  RunQueue& queue_;
};

/// The running task goes on in `queue`. `co_await` it.
inline MoveAwaiter move_to(TaskQueue& queue) noexcept {
  return MoveAwaiter(queue);
}

/// Whether the running task should give way.
inline bool need_preempt() noexcept {
  TaskQueues* const queues = TaskQueues::current_or_null();
  return queues != nullptr ? queues->need_preempt() : Executor::current().ring().has_completions();
}

class [[nodiscard]] YieldIfNeeded {
 public:
  YieldIfNeeded() noexcept {}
  bool await_ready() const noexcept { return !need_preempt(); }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    if (TaskQueues::current_or_null() != nullptr) TaskQueues::current_or_null()->give_way();
    Runnable::of(coroutine).schedule();
  }
  void await_resume() const noexcept {}
};

/// Gives way if it is time to. `co_await` it.
inline YieldIfNeeded yield_if_needed() noexcept {
  return {};
}

}  // namespace percore
