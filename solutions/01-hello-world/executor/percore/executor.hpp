#pragma once

#include <pthread.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <percore/assert.hpp>
#include <percore/contract/executor.hpp>
#include <percore/contract/executor_parts.hpp>
#include <percore/ring.hpp>
#include <percore/task.hpp>
#include <utility>
#include <vector>

namespace percore {

/// Coroutines that are ready, first come first served: a ring buffer of handles.
/// Thread   the executor's.
class RunQueue {
 public:
  /// scheduler   told when the queue gets something to run; may be null.
  explicit RunQueue(QueueScheduler* scheduler = nullptr) noexcept : scheduler_(scheduler) {}
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  void push(std::coroutine_handle<> coroutine) noexcept;
  std::coroutine_handle<> pop() noexcept;
  void reserve(std::size_t coroutines);
  /// For debuggers: the next to run first.
  template <typename Look>
  void for_each(Look look) const {
    for (std::size_t i = 0; i < size_; ++i) look(slots_[(front_ + i) % slots_.size()]);
  }

 private:
  std::vector<std::coroutine_handle<>> slots_;
  std::size_t front_ = 0;
  std::size_t size_ = 0;
  QueueScheduler* scheduler_;
};

/// Runs tasks on the thread that constructs it, over a ring of its own. See contract/executor.hpp.
class Executor {
 public:
  explicit Executor(const ExecutorOptions& options = {});
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  template <typename T>
  T run(Task<T> root) {
    RootHook hook;
    start(root, hook, *running_queue_);
    run_until_all_ended(hook);
    return root.take_result();
  }

  static Executor* current_or_null() noexcept { return current_; }
  static Executor& current() noexcept;
  Ring& ring() noexcept { return ring_; }
  bool ending() const noexcept { return ending_; }
  std::size_t tasks_alive() const noexcept { return tasks_alive_; }
  void add_poller(Poller& poller) { pollers_.add(poller); }
  void remove_poller(Poller& poller) noexcept { pollers_.remove(poller); }
  void schedule_queues_with(QueueScheduler* scheduler) noexcept { scheduler_ = scheduler; }
  RunQueue& running_queue() noexcept { return *running_queue_; }

  /// Counts `task` in and puts it at the back of `queue`; at its end it calls `hook`.
  template <typename T>
  void start(Task<T>& task, FinishHook& hook, RunQueue& queue) {
    queue.reserve(tasks_alive_ + 1);
    ++tasks_alive_;
    queue.push(task.start(Continuation::call(hook)));
  }
  void task_ended() noexcept { --tasks_alive_; }

 private:
  struct RootHook : FinishHook {
    RootHook() noexcept : FinishHook{&RootHook::root_finished} {}
    static void root_finished(FinishHook& self, std::coroutine_handle<>) noexcept;
    bool reached = false;
  };

  void run_until_all_ended(const RootHook& root);
  void resume_ready();
  void look_around();
  void choose_queue();
  bool quantum_over();
  void end_turn();
  bool anything_ready();
  void sleep();

  static constinit thread_local Executor* current_;

  Ring ring_;
  ExecutorOptions options_;
  pthread_t owner_ = pthread_self();
  RunQueue own_queue_;
  RunQueue* running_queue_ = &own_queue_;
  QueueScheduler* scheduler_ = nullptr;
  PollerList pollers_;
  std::size_t tasks_alive_ = 0;
  unsigned turns_without_enter_ = 0;
  bool ending_ = false;
};

/// A suspended coroutine and the queue in which it goes on. Whoever waits for an event keeps one.
struct Runnable {
  std::coroutine_handle<> coroutine;
  RunQueue* queue = nullptr;

  static Runnable of(std::coroutine_handle<> coroutine) noexcept {
    return {coroutine, &Executor::current().running_queue()};
  }
  void schedule() const noexcept { queue->push(coroutine); }
};

namespace executor_detail {

// A spawned task that nobody awaits yet: its JoinHandle owns the frame.
inline void unclaimed_finished(FinishHook&, std::coroutine_handle<>) noexcept {
  Executor::current().task_ended();
}
inline constinit FinishHook unclaimed{&unclaimed_finished};

// Frees the frame of a task that has ended and ends the program if it threw.
template <typename T>
void bury(Task<T> task) noexcept {
  try {
    static_cast<void>(task.take_result());
  } catch (...) {
    end_of_program_by_exception(std::current_exception());
  }
}

// A spawned task without a JoinHandle: it owns itself.
template <typename T>
void detached_finished(FinishHook&, std::coroutine_handle<> task) noexcept {
  Executor::current().task_ended();
  bury(Task<T>::adopt(task));
}
template <typename T>
inline constinit FinishHook detached{&detached_finished<T>};

}  // namespace executor_detail

/// A spawned task. Awaiting it gives its value or throws its exception; dropping it detaches.
/// Thread   the executor's that runs the task.
template <typename T>
class JoinHandle {
 public:
  explicit JoinHandle(Task<T> task) noexcept : task_(std::move(task)) {}
  JoinHandle(JoinHandle&&) noexcept = default;
  JoinHandle& operator=(JoinHandle&& other) noexcept {
    if (this == &other) return *this;
    detach();
    task_ = std::move(other.task_);
    return *this;
  }
  ~JoinHandle() { detach(); }

  bool done() const noexcept { return task_.done(); }

  void detach() noexcept {
    if (!task_.valid()) return;
    if (!task_.done()) {
      task_.continue_with(Continuation::call(executor_detail::detached<T>));
      task_.release();
    } else if (std::uncaught_exceptions() == 0) {
      executor_detail::bury(std::move(task_));
    } else {
      const Task<T> ended = std::move(task_);  // another exception is already on its way to someone
    }
  }

  class Awaiter : FinishHook {
   public:
    explicit Awaiter(Task<T> task) noexcept
        : FinishHook{&Awaiter::finished}, task_(std::move(task)) {
      PERCORE_ASSERT(task_.valid(),
                     "a JoinHandle was awaited after it was moved, detached or awaited");
    }
    Awaiter(Awaiter&&) = delete;
    bool await_ready() const noexcept { return task_.done(); }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      waiting_ = Runnable::of(awaiting);
      task_.continue_with(Continuation::call(*this));
    }
    T await_resume() { return task_.take_result(); }

   private:
    static void finished(FinishHook& self, std::coroutine_handle<>) noexcept {
      Executor::current().task_ended();
      static_cast<Awaiter&>(self).waiting_.schedule();
    }
    Task<T> task_;
    Runnable waiting_;
  };
  Awaiter operator co_await() noexcept { return Awaiter(std::move(task_)); }

 private:
  Task<T> task_;
};

/// Starts `task` at the back of `queue`. Outside an executor the program ends.
template <typename T>
JoinHandle<T> spawn(Task<T> task, RunQueue& queue) {
  Executor::current().start(task, executor_detail::unclaimed, queue);
  return JoinHandle<T>(std::move(task));
}
/// The same at the back of the queue that runs now.
template <typename T>
JoinHandle<T> spawn(Task<T> task) {
  return spawn(std::move(task), Executor::current().running_queue());
}

class YieldAwaiter {
 public:
  YieldAwaiter() noexcept {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    Runnable::of(coroutine).schedule();
  }
  void await_resume() const noexcept {}
};

/// Goes to the back of the running queue: every task that is ready runs before the caller goes on.
[[nodiscard]] inline YieldAwaiter yield() noexcept {
  return {};
}

}  // namespace percore
