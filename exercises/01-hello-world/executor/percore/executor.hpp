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

// The executor of the runtime, in three steps. The contract, <percore/contract/executor.hpp>, has
// the invariants E1 to E6 and what each public function promises: keep it open beside this.
//
// - Step "run_queue" (E1): RunQueue, in executor.cpp, and yield(), at the end of this file.
// - Step "join" (E5): JoinHandle, in this file: await, detach, drop.
// - Step "turn" (E2 to E4, E6), in executor.cpp: resume what is ready, look round, sleep, end.

namespace percore {

// ----------------------------------------------------------------------------- Step "run_queue"

/// Coroutines that are ready, first come first served.
/// Thread   the executor's.
class RunQueue {
 public:
  /// scheduler   told when the queue gets something to run; may be null.
  explicit RunQueue(QueueScheduler* scheduler = nullptr) noexcept : scheduler_(scheduler) {}
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept;
  void push(std::coroutine_handle<> coroutine) noexcept;
  std::coroutine_handle<> pop() noexcept;
  void reserve(std::size_t coroutines);

 private:
  // TODO run_queue: what it consists of. A push must not allocate after a reserve() of enough
  // places: a wake-up cannot report that memory is gone. A vector used in a circle does it.
  [[maybe_unused]] QueueScheduler* scheduler_;
};

// ---------------------------------------------------------------------------------- Step "turn"

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

  /// The queue whose coroutines run now: what they start and what they wait for goes on there.
  RunQueue& running_queue() noexcept { return *running_queue_; }

  /// Counts `task` in and puts it at the back of `queue`; at its end it calls `hook`.
  template <typename T>
  void start(Task<T>& task, FinishHook& hook, RunQueue& queue) {
    queue.reserve(tasks_alive_ + 1);
    ++tasks_alive_;
    queue.push(task.start(Continuation::call(hook)));
  }

  /// What every hook of a task of this executor calls first.
  void task_ended() noexcept { --tasks_alive_; }

 private:
  // The end of the root task.
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
  [[maybe_unused]] unsigned turns_without_enter_ = 0;
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

// ---------------------------------------------------------------------------------- Step "join"

namespace executor_detail {

// Done, an example: the end of a spawned task that nobody awaits yet. Its JoinHandle owns the
// frame, and the value stays in it.
inline void unclaimed_finished(FinishHook&, std::coroutine_handle<>) noexcept {
  Executor::current().task_ended();
}
inline constinit FinishHook unclaimed{&unclaimed_finished};

// The end of a spawned task whose JoinHandle is gone.
template <typename T>
void detached_finished(FinishHook&, std::coroutine_handle<> task) noexcept {
  Executor::current().task_ended();
  // TODO join (E5): nobody owns the frame any more: take it back with Task<T>::adopt(), so
  // that it is freed. Had the task thrown, end_of_program_by_exception(std::current_exception())
  // says so: an error that nobody can see must not be lost.
  static_cast<void>(task);
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
    // TODO join (E5): what becomes of the task that was in this handle before?
    static_cast<void>(other);
    return *this;
  }
  ~JoinHandle() { detach(); }

  bool done() const noexcept { return task_.done(); }

  void detach() noexcept {
    // TODO join (E5): lets go of the task. There are three cases.
    //
    // 1. There is none: the handle was moved from, awaited or detached. Nothing to do.
    //
    // 2. It still runs. From now on it owns itself: continue_with() makes its end call the hook
    //    above, and release() gives the frame away, so that this handle does not free it.
    //
    // 3. It has ended: it is freed here. Had it thrown, the program ends with its message; not so
    //    when std::uncaught_exceptions() says that another exception is on its way already.
  }

  class Awaiter : FinishHook {
   public:
    explicit Awaiter(Task<T> task) noexcept
        : FinishHook{&Awaiter::finished}, task_(std::move(task)) {
      PERCORE_ASSERT(task_.valid(),
                     "a JoinHandle was awaited after it was moved, detached or awaited");
    }
    Awaiter(Awaiter&&) = delete;
    bool await_ready() const noexcept {
      // TODO join (E5): a task that has ended already tells nobody a second time.
      return false;
    }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept {
      // TODO join (E5): remembers who waits, and in which queue they go on (Runnable::of);
      // from now on the end of the task calls finished() below.
      static_cast<void>(awaiting);
    }
    T await_resume() { return task_.take_result(); }

   private:
    static void finished(FinishHook& self, std::coroutine_handle<>) noexcept {
      Executor::current().task_ended();
      // TODO join (E4, E5): `self` is the Awaiter: makes who waits ready. Resumes nobody here.
      static_cast<void>(self);
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

// ----------------------------------------------------------------------------- Step "run_queue"

class YieldAwaiter {
 public:
  YieldAwaiter() noexcept {}
  bool await_ready() const noexcept {
    // TODO run_queue (E1): `true` means: do not suspend at all. Then nobody else gets a turn.
    return true;
  }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    // TODO run_queue (E1): to the back of the queue in which it runs.
    static_cast<void>(coroutine);
  }
  void await_resume() const noexcept {}
};

/// Goes to the back of the running queue: every task that is ready runs before the caller goes on.
[[nodiscard]] inline YieldAwaiter yield() noexcept {
  return {};
}

}  // namespace percore
