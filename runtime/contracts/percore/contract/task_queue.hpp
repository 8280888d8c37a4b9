#pragma once

#include <concepts>
#include <cstdint>
#include <percore/clock.hpp>
#include <percore/contract/fair_share.hpp>
#include <percore/executor.hpp>
#include <string>

/// Contract of the module `task_queue`, version 1. Ours, never swapped.
///
/// Task queues share an executor's thread. Each has shares; the thread's time is theirs in that
/// proportion, among those that have something to run. A queue may have a bound on its latency.
///
/// Invariants (lesson 04):
///   Q1  A task, and what it waits for, goes on in its own queue. What it spawns inherits the
///       queue, spawn_into() names another, and move_to() takes the running task to another.
///   Q2  A queue is charged for the time in which its tasks ran, measured, and for nothing else:
///       not for the executor's looks at the ring, nor for its sleep.
///   Q3  A busy queue runs until the first look at the clock after its quantum; then fair_share
///       says whose turn it is. A look comes after each task, where tasks are short after several
///       that take less than an eighth of a quantum together.
///   Q4  need_preempt() says true when the quantum is over, when a queue with a bound has become
///       ready, and when completions are there that a queue with a bound may wait for. Asking makes
///       no system call.
///   Q5  yield_if_needed() does nothing while need_preempt() says no. Else it ends the quantum: the
///       queue gives way, not the task alone.
///   Q6  A queue with a bound that keeps within its share is resumed within it after the event that
///       wakes it, where no task runs for more than a quarter of it between two looks.
///   Q7  Shares from a SharesManager are asked for anew each period while their queue runs.
namespace percore {

inline constexpr int task_queue_contract_version = 1;

/// Shares that change: the module asks for them.
class SharesManager {
 public:
  virtual ~SharesManager() = default;
  /// 1 to 1000; what is outside is taken as the nearest of these.
  virtual unsigned shares() noexcept = 0;
  /// Asked when its queue gets a quantum, and not earlier than this after the last time.
  virtual Time period() const noexcept { return Time{100'000'000}; }
};

/// name      for statistics and the pictures of a run.
/// shares    1 to 1000, or asked of `manager`, where there is one, which must outlive the queues.
/// latency   the bound: how long after an event its first task may wait. Time::never() for none.
///           While there is such a queue the quanta of all are at most half of the smallest bound.
struct TaskQueueOptions {
  std::string name;
  unsigned shares = shares_max;
  SharesManager* manager = nullptr;
  Time latency = Time::never();
};

/// quantum   how long a queue runs before another one may, where no bound on latency says less.
struct TaskQueuesOptions {
  Time quantum{500'000};
};

/// time           in which its tasks ran.
/// quanta         how often it was chosen.
/// wake_ups       how often it was empty and got something to run.
/// wait_max       of a queue with a bound: the longest from a wake-up to its quantum.
/// bounds_missed  how many of these were longer than the bound.
struct TaskQueueStatistics {
  Time time;
  std::uint64_t quanta = 0;
  std::uint64_t wake_ups = 0;
  Time wait_max;
  std::uint64_t bounds_missed = 0;
};

/// What the module must offer:
///   class TaskQueues         the queues of one executor, and its QueueScheduler: TaskQueues(
///                            Executor&, TaskQueuesOptions). Made on the executor's thread before a
///                            run() and destroyed after it. One for a thread at a time.
///   class TaskQueue          one of them. default_queue() is the executor's own queue: where the
///                            root task begins, with 1000 shares and no bound.
///   spawn_into(TaskQueue&, Task<T>)   -> JoinHandle<T>; spawn() inherits the running queue.
///   co_await move_to(TaskQueue&)      the running task goes on in that queue. Throws
///                                     std::bad_alloc, and then goes on where it was.
///   need_preempt() noexcept -> bool   for a task that computes: ask often, a look costs about as
///                                     much as a look at the clock.
///   co_await yield_if_needed()        asks, and gives way.
///   Without TaskQueues on this thread need_preempt() says whether completions are there.
template <typename Queues, typename Queue>
concept TaskQueuesContract = requires(Queues queues, const Queue const_queue, Queue& queue,
                                      TaskQueueOptions options, unsigned shares) {
  // In ours at most 1,024 besides the default one; they stay where they are while `queues` lives.
  { queues.add(options) } -> std::same_as<Queue&>;
  { queues.default_queue() } noexcept -> std::same_as<Queue&>;
  // The queue whose turn it is.
  { queues.running() } noexcept -> std::same_as<Queue&>;
  { const_queue.name() } noexcept -> std::same_as<const std::string&>;
  { const_queue.shares() } noexcept -> std::same_as<unsigned>;
  // Of a queue without a manager.
  { queue.change_shares(shares) } noexcept -> std::same_as<void>;
  { const_queue.statistics() } noexcept -> std::same_as<const TaskQueueStatistics&>;
  { queue.run_queue() } noexcept -> std::same_as<RunQueue&>;
};

}  // namespace percore
