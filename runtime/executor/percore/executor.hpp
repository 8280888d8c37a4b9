#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <percore/assert.hpp>
#include <percore/contract/executor.hpp>
#include <percore/contract/executor_parts.hpp>
#include <percore/ring.hpp>
#include <percore/task.hpp>
#include <utility>

namespace percore {

class Executor;

/// Coroutines that are ready, first come first served: a ring buffer of handles.
/// Throws   std::bad_alloc from reserve() only. Room is made when a task is spawned, so that a
/// wake-up never needs any. Thread   the executor's.
class RunQueue {
 public:
  /// scheduler   told when the queue gets something to run; may be null.
  explicit RunQueue(QueueScheduler* scheduler = nullptr) noexcept : scheduler_(scheduler) {}
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  bool empty() const noexcept { return head_ == tail_; }
  std::size_t size() const noexcept { return tail_ - head_; }

  void push(std::coroutine_handle<> coroutine) noexcept {
    if (size() == capacity_) [[unlikely]]
      grow(capacity_ + 1);
    if (empty()) [[unlikely]] {  // asked first: the sizes are at hand
      if (scheduler_ != nullptr) scheduler_->became_ready(*this);
    }
    slots_[tail_++ & (capacity_ - 1)] = coroutine;
  }

  /// Requires  not empty.
  std::coroutine_handle<> pop() noexcept { return slots_[head_++ & (capacity_ - 1)]; }

  /// Calls `look` with each coroutine, the next to run first. For debuggers.
  template <typename Look>
  void for_each(Look look) const {
    for (std::size_t i = head_; i != tail_; ++i) look(slots_[i & (capacity_ - 1)]);
  }

  /// Makes room for `coroutines` at once.
  void reserve(std::size_t coroutines) {
    if (coroutines > capacity_) [[unlikely]]
      grow(coroutines);
  }

 private:
  void grow(std::size_t coroutines_min);

  std::unique_ptr<std::coroutine_handle<>[]> slots_;
  std::size_t capacity_ = 0;  // zero or a power of two
  std::size_t head_ = 0;      // counts pops; head_ and tail_ wrap around on their own
  std::size_t tail_ = 0;      // counts pushes
  QueueScheduler* scheduler_;
};

namespace executor_detail {

// The end of the root task.
struct RootHook : FinishHook {
  RootHook() noexcept : FinishHook{&RootHook::root_finished} {}
  static void root_finished(FinishHook& self, std::coroutine_handle<>) noexcept;
  bool reached = false;
};

void count_end_of_task() noexcept;

}  // namespace executor_detail

/// Runs tasks on the thread that constructs it, over a ring of its own. See contract/executor.hpp.
/// Throws   RingUnavailable from the constructor; run() throws what the root task threw.
/// Thread   one: constructs, runs and destroys it.
class Executor {
 public:
  explicit Executor(const ExecutorOptions& options = {});
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  template <typename T>
  T run(Task<T> root) {
    executor_detail::RootHook hook;
    start(root, hook, *running_queue_);
    run_until_all_ended(hook);
    return root.take_result();
  }

  static Executor* current_or_null() noexcept { return current_; }
  static Executor& current() noexcept {
    PERCORE_ASSERT(current_ != nullptr,
                   "this needs a running executor on this thread: call it from a task that "
                   "Executor::run() runs");
    return *current_;
  }

  Ring& ring() noexcept { return ring_; }
  bool ending() const noexcept { return ending_; }
  std::size_t tasks_alive() const noexcept { return tasks_alive_; }
  void add_poller(Poller& poller) { pollers_.add(poller); }
  void remove_poller(Poller& poller) noexcept { pollers_.remove(poller); }
  void schedule_queues_with(QueueScheduler* scheduler) noexcept { scheduler_ = scheduler; }

  /// The queue whose coroutines run now: where what they start and what they wait for goes on.
  RunQueue& running_queue() noexcept { return *running_queue_; }

  /// Counts `task` in and puts it at the back of `queue`; at its end it calls `hook`.
  /// Throws   std::bad_alloc, with nothing changed.
  template <typename T>
  [[gnu::always_inline]] void start(Task<T>& task, FinishHook& hook, RunQueue& queue) {
    queue.reserve(tasks_alive_ + 1);
    ++tasks_alive_;
    queue.push(task.start(Continuation::call(hook)));
  }

  /// Nobody else is ready and this turn may go on: a yield would only come back here.
  bool yield_comes_back() noexcept {
    return running_queue_->empty() && resumes_left_ != 0 && --resumes_left_ != 0;
  }

 private:
  friend void executor_detail::count_end_of_task() noexcept;

  void run_until_all_ended(const executor_detail::RootHook& root);
  void end_what_is_alive();
  void take_turn();
  void take_scheduled_turn();
  void resume_ready(unsigned resumes_max);
  void look_around();
  bool anything_ready() noexcept;
  void look_at_ring();
  void sleep();

  static constinit thread_local Executor* current_;

  // What a spawn and a yield touch comes first.
  RunQueue* running_queue_ = &own_queue_;
  std::size_t tasks_alive_ = 0;
  unsigned resumes_left_ = 0;
  unsigned turns_without_enter_ = 0;
  bool ending_ = false;
  RunQueue own_queue_;
  QueueScheduler* scheduler_ = nullptr;
  Ring ring_;
  ExecutorOptions options_;
  unsigned long owner_thread_;  // pthread_t
  PollerList pollers_;
};

/// A suspended coroutine and the queue in which it goes on. Whoever waits for an event keeps one in
/// its awaiter.
struct Runnable {
  std::coroutine_handle<> coroutine;
  RunQueue* queue = nullptr;

  /// `coroutine`, to go on in the queue that runs now. Thread: an executor's.
  static Runnable of(std::coroutine_handle<> coroutine) noexcept {
    return {coroutine, &Executor::current().running_queue()};
  }
  /// Makes it ready. Once for each suspension. Thread: its executor's.
  void schedule() const noexcept { queue->push(coroutine); }
};

namespace executor_detail {

inline void count_end_of_task() noexcept {
  --Executor::current_->tasks_alive_;
}

inline void RootHook::root_finished(FinishHook& self, std::coroutine_handle<>) noexcept {
  count_end_of_task();
  static_cast<RootHook&>(self).reached = true;
}

// A task whose JoinHandle nobody awaits yet.
inline constinit FinishHook unclaimed{
    [](FinishHook&, std::coroutine_handle<>) noexcept { count_end_of_task(); }};

// A task without a JoinHandle: it owns itself.
template <typename T>
inline constinit FinishHook detached{[](FinishHook&, std::coroutine_handle<> handle) noexcept {
  count_end_of_task();
  Task<T> task = Task<T>::adopt(handle);
  try {
    static_cast<void>(task.take_result());
  } catch (...) {
    end_of_program_by_exception(std::current_exception());
  }
}};

}  // namespace executor_detail

/// A spawned task. Awaiting it gives the task's value or throws its exception; dropping it detaches
/// the task. Thread   the executor's that runs the task.
template <typename T>
class JoinHandle {
 public:
  explicit JoinHandle(Task<T> task) noexcept : task_(std::move(task)) {}
  JoinHandle(JoinHandle&&) noexcept = default;
  JoinHandle& operator=(JoinHandle&& other) noexcept {
    if (this != &other) {
      detach();
      task_ = std::move(other.task_);
    }
    return *this;
  }
  ~JoinHandle() {
    // Most handles were awaited or moved away: the test alone is inlined where they end.
    if (task_.valid()) [[unlikely]]
      detach();
  }

  /// Whether the task has finished.
  bool done() const noexcept { return task_.done(); }

  /// Lets the task run on by itself; it frees its frame when it ends. If it ends with an exception,
  /// or has already, the program ends with its message: an error that nobody can see any more must
  /// not be lost.
  void detach() noexcept {
    if (!task_.valid()) return;
    if (!task_.done()) {
      task_.continue_with(Continuation::call(executor_detail::detached<T>));
      task_.release();
      return;
    }
    Task<T> ended = std::move(task_);
    if (std::uncaught_exceptions() != 0)
      return;  // another exception is already on its way to someone
    try {
      static_cast<void>(ended.take_result());
    } catch (...) {
      end_of_program_by_exception(std::current_exception());
    }
  }

  class Awaiter : FinishHook {
   public:
    explicit Awaiter(Task<T> task) noexcept
        : FinishHook{&Awaiter::finished}, task_(std::move(task)) {
      PERCORE_ASSERT(task_.valid(),
                     "a JoinHandle was awaited after it was moved, detached or awaited before");
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
      executor_detail::count_end_of_task();
      static_cast<Awaiter&>(self).waiting_.schedule();
    }
    Task<T> task_;
    Runnable waiting_;
  };

  /// Takes the task out of the handle: a handle is awaited once.
  Awaiter operator co_await() noexcept { return Awaiter(std::move(task_)); }

 private:
  Task<T> task_;
};

/// Starts `task` at the back of the running queue.
/// Throws   std::bad_alloc, the task then unstarted and freed.
/// Thread   an executor's: outside of one the program ends and says so.
/// Cost     no allocation beside the task's own frame.
template <typename T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Task<T> task) {
  Executor& executor = Executor::current();
  executor.start(task, executor_detail::unclaimed, executor.running_queue());
  return JoinHandle<T>(std::move(task));
}

/// The same at the back of `queue`, one of this executor's.
template <typename T>
[[gnu::always_inline]] inline JoinHandle<T> spawn(Task<T> task, RunQueue& queue) {
  Executor::current().start(task, executor_detail::unclaimed, queue);
  return JoinHandle<T>(std::move(task));
}

/// Awaiter of yield().
class YieldAwaiter {
 public:
  YieldAwaiter() noexcept {}
  bool await_ready() const noexcept { return Executor::current().yield_comes_back(); }
  void await_suspend(std::coroutine_handle<> coroutine) const noexcept {
    Executor::current().running_queue().push(coroutine);
  }
  void await_resume() const noexcept {}
};

/// Goes to the back of the running queue: every task that is ready runs before the caller goes on,
/// and the ring is looked at after at most ExecutorOptions::resumes_per_turn_max yields.
[[nodiscard]] inline YieldAwaiter yield() noexcept {
  return {};
}

}  // namespace percore
