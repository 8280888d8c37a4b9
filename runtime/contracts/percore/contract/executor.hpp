#pragma once

#include <climits>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <percore/clock.hpp>
#include <percore/ring.hpp>
#include <percore/task.hpp>

/// Contract of the module `executor`, version 2. Ours, never swapped.
///
/// Invariants (lesson 01):
///   E1  First come, first served: what is scheduled first is resumed first, and a yield goes to
///       the back.
///   E2  Between two looks at the ring at most ExecutorOptions::resumes_per_turn_max coroutines are
///       resumed, and no more of one queue than its scheduler allows.
///   E3  The thread sleeps only when nothing is ready, in one io_uring_enter; then it uses no CPU.
///   E4  Each wake-up resumes its coroutine once. Completions are all collected before any
///       coroutine is resumed.
///   E5  A JoinHandle brings the value or the exception; dropping it detaches. An exception of a
///       detached task ends the program with its message.
///   E6  run() returns when the root task and every spawned task have ended: after the root, what
///       is in flight is cancelled, and operations that start later give ECANCELED.
namespace percore {

class RunQueue;

inline constexpr int executor_contract_version = 2;

/// ring                      of the executor's ring.
/// resumes_per_turn_max      E2. Small: completions are seen sooner. Large: fewer looks.
/// turns_without_enter_max   while tasks are ready, queued entries wait for at most this many
///                           turns. The turn in which it was queued counts: 1 = at the end of that
///                           same turn.
/// ending_turns_max          for how many turns each run() lets tasks go on after its root has
///                           ended, before it calls that a mistake.
struct ExecutorOptions {
  RingOptions ring;
  unsigned resumes_per_turn_max = 256;
  unsigned turns_without_enter_max = 1;
  unsigned ending_turns_max = 1'000'000;
};

/// What an executor looks at each turn besides its ring: timers, doorbells, files. The executor
/// knows none of them. Thread   all calls on the executor's thread, between resumes.
class Poller {
 public:
  virtual ~Poller() = default;
  /// Looks for events and schedules who waits for them. Returns whether it scheduled anything.
  virtual bool poll() = 0;
  /// When poll() will have something to do without an event; Time::never() if it cannot know.
  virtual Time next_deadline() const { return Time::never(); }
  /// The executor is about to sleep in the ring: arranges for a completion when an event comes, and
  /// looks once more. Returns false when there was one after all: the executor then does not sleep.
  virtual bool prepare_to_sleep() { return true; }
  /// The sleep is over, or did not happen.
  virtual void cancel_sleep() {}
  /// Of one that only watches: it never objects to a sleep, and is asked and told last. Between its
  /// prepare_to_sleep() and its cancel_sleep() the thread is in the ring, to wait. Always the same.
  virtual bool only_watches() const noexcept { return false; }
  /// The executor that it was added to is being destroyed; it is in no list any more.
  virtual void executor_gone() noexcept {}
};

/// What shares the thread out among several run queues. Lesson 04 brings one. A turn of the loop
/// runs one queue: next_queue() begins it, end_turn() ends it, and between two turns the executor
/// looks at its pollers and its ring. Thread   all calls on the executor's thread.
class QueueScheduler {
 public:
  virtual ~QueueScheduler() = default;
  /// The queue to run now, or null when all are empty: then the executor stays with the one it has.
  virtual RunQueue* next_queue() = 0;
  /// `queue` is empty, and something to run is pushed right after this call. Noexcept: called by
  /// wake-ups.
  virtual void became_ready(RunQueue& queue) noexcept = 0;
  /// Whether a queue has something to run: asked before the executor sleeps.
  virtual bool anything_ready() noexcept = 0;
  /// How many coroutines may be resumed before this is asked again; 0 ends the turn. Asked after
  /// the first resume of a turn, and earlier than it said where the executor likes.
  virtual unsigned quantum_left() noexcept { return UINT_MAX; }
  /// The queue that next_queue() named has had its turn: from here on time is not its own.
  virtual void end_turn() noexcept {}
};

/// What the module must offer. Also, not expressible as a concept of one type:
///   class RunQueue        push(handle) noexcept, pop(), empty(), size(), reserve(n); and if the
///                         debugger shall show it, for_each(look) const: the next to run first
///   struct Runnable       {coroutine, RunQueue* queue}: a suspended coroutine, where it goes on.
///                         Runnable::of(handle) takes the queue that runs now; schedule() noexcept
///                         pushes it there.
///   spawn(Task<T>)        -> JoinHandle<T>: starts it at the back of the queue that runs now.
///                         Allocates nothing beside the task's frame, except when the queue must
///                         grow to hold one more. Throws std::bad_alloc, with nothing changed.
///   spawn(Task<T>, RunQueue&)   the same at the back of that queue. A queue with a scheduler has
///                         room for each task that was spawned into it; who moves a coroutine there
///                         makes room itself: reserve(tasks_alive()).
///   JoinHandle<T>         co_await handle; detach(); done(); movable.
///   yield()               awaiter: every ready task of the queue runs before the caller goes on.
template <typename E>
concept ExecutorContract = requires(E executor, const E const_executor, ExecutorOptions options,
                                    Poller& poller, QueueScheduler* scheduler) {
  // Opens a ring. Throws RingUnavailable, or std::bad_alloc with no ring left open. One for a
  // thread at a time: nesting is a programmer's mistake.
  E(options);
  // Runs `root` on this thread until E6. Throws what the root threw; std::bad_alloc, with nothing
  // started, when the run queue has no room for it.
  { executor.run(Task<int>(std::declval<Task<int>>())) } -> std::same_as<int>;
  { executor.run(Task<void>(std::declval<Task<void>>())) } -> std::same_as<void>;
  // The queue whose coroutines run now; between two runs the executor's own.
  { executor.running_queue() } -> std::same_as<RunQueue&>;
  // The executor that runs on this thread, or null. current() ends the program where there is none.
  { E::current_or_null() } -> std::same_as<E*>;
  { E::current() } -> std::same_as<E&>;
  { executor.ring() } -> std::same_as<Ring&>;
  // Between the end of the root task and the end of run(). The module io asks it: operations that
  // start then give ECANCELED, without the executor's doing.
  { const_executor.ending() } -> std::same_as<bool>;
  // Spawned tasks, and the root, that have not finished.
  { const_executor.tasks_alive() } -> std::same_as<std::size_t>;
  // At most 16; they are polled in the order of their coming, those that only watch last. A poller
  // is removed before it is destroyed, or outlives the executor.
  { executor.add_poller(poller) } -> std::same_as<void>;
  { executor.remove_poller(poller) } -> std::same_as<void>;
  // Null: all in the executor's own queue. The root task starts in that one; a scheduler names it
  // in next_queue() like any other, but is never told when it fills.
  { executor.schedule_queues_with(scheduler) } -> std::same_as<void>;
};

}  // namespace percore
