#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <percore/assert.hpp>
#include <percore/contract/task.hpp>
#include <percore/frame_pool.hpp>
#include <type_traits>
#include <utility>

// The task of the runtime, in three steps. The contract, <percore/contract/task.hpp>, has the
// invariants T1 to T5, what each public function promises, and Continuation: keep it open beside
// this.
//
//   "promise"   where the value or the exception is kept; and the Task that owns the frame: it
//               moves, starts, and destroys (T1, T3, T5)
//   "awaiter"   the trampoline, and what `co_await std::move(task)` does (T2, T4)
//   "final"     what happens when the body has ended (T2, T4)

namespace percore {

template <typename T>
class Task;

// --------------------------------------------------------------- Step "awaiter": the trampoline

inline void go_on_with(std::coroutine_handle<> next) noexcept {
  // TODO awaiter (T4): only remembers `next`. Each thread has its own: inline constinit
  // thread_local.
  static_cast<void>(next);
}

inline void run_chain(std::coroutine_handle<> first) {
  // TODO awaiter (T4): resumes `first`; when it has returned, the coroutine that go_on_with() named
  // meanwhile; and so on, until none was named. A loop, no recursion. A name is followed once.
  first.resume();
}

namespace task_detail {

// --------------------------------------------------------------------------------- Step "final"

struct FinalAwaiter {
  FinalAwaiter() noexcept {}
  // The body has ended, and the task stays suspended: its value is still to be taken.
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) const noexcept {
    // TODO final (T2, T4): follows the promise's continuation and goes on with what it
    // names. Nobody is resumed from here. Careful: follow() may call a hook that destroys the
    // frame; the promise and this awaiter lie in it.
    static_cast<void>(task);
  }
  void await_resume() const noexcept {}
};

// ------------------------------------------------------------------------------- Step "promise"

struct PromiseBase {
  Continuation continuation;  // empty until the task is started

  // TODO promise (T1): the body must not run before somebody resumes it.
  std::suspend_never initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept {
    // TODO promise (T2): called inside a catch block when the body threw. Keep the exception: it
    // belongs to whoever awaits.
  }

  // Done: frames come from the frame pool.
  static void* operator new(std::size_t size_bytes) { return allocate_frame(size_bytes); }
  static void operator delete(void* frame, std::size_t size_bytes) noexcept {
    free_frame(frame, size_bytes);
  }
};

template <typename T>
struct Promise final : PromiseBase {
  // Done: a reference is kept as a pointer.
  using Stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  std::optional<Stored> value;

  Task<T> get_return_object() noexcept;

  template <typename U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& result) {
    // TODO promise (T2): keeps what `co_return result` gives. T may be a type that only moves, or a
    // reference (then Stored is a pointer to what it refers to: std::addressof).
    static_cast<void>(result);
  }

  T take() {
    // TODO promise (T2): throws the exception that was kept, or gives the value, moved out.
    assertion_failed(__FILE__, __LINE__, "take() of the promise is not written yet: step promise");
  }
};

template <>
struct Promise<void> final : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() {
    // TODO promise (T2): throws the exception that was kept.
  }
};

}  // namespace task_detail

/// A lazy coroutine that gives one T (a value, a move-only value, a reference or void) or throws.
/// Thread   the one that starts it also resumes and destroys it.
/// Memory   owns the frame.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  // TODO promise (T3): two owners would free the frame twice. The source of a move owns nothing any
  // more; the target of a move assignment had a frame of its own before.
  Task(Task&& other) noexcept : handle_(other.handle_) {}
  Task& operator=(Task&& other) noexcept {
    handle_ = other.handle_;
    return *this;
  }

  ~Task() {
    // TODO promise (T3): frees the frame, if there is one (handle_.destroy()).
    // TODO promise (T5): a task that was started and has not finished must not be destroyed:
    // PERCORE_ASSERT. It was started when its promise has a continuation; it has finished when
    // done().
  }

  bool valid() const noexcept { return static_cast<bool>(handle_); }
  bool done() const noexcept { return handle_.done(); }

  std::coroutine_handle<> start(Continuation continuation) noexcept {
    // TODO promise (T1): remembers `continuation` in the promise and returns the coroutine for its
    // first resume. PERCORE_ASSERT that it happens once, and that the continuation is not empty.
    static_cast<void>(continuation);
    return handle_;
  }

  void continue_with(Continuation continuation) noexcept {
    handle_.promise().continuation = continuation;
  }
  T take_result() { return handle_.promise().take(); }

  // Done: ownership given away and taken back, for tasks that own themselves.
  std::coroutine_handle<> release() noexcept { return std::exchange(handle_, nullptr); }
  static Task adopt(std::coroutine_handle<> task) noexcept {
    return Task(Handle::from_address(task.address()));
  }

  // ----------------------------------------------------------------------------- Step "awaiter"

  class Awaiter {
   public:
    explicit Awaiter(Task& task) noexcept : task_(task) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      // TODO awaiter (T1, T2, T4): starts the task, so that `awaiting` goes on at its end, and goes
      // on with it. Do not resume it here: that would lay one stack frame on the other for each
      // await.
      static_cast<void>(awaiting);
    }
    T await_resume() const {
      // TODO awaiter (T2): what the co_await expression gives: the task's value, or its exception.
      assertion_failed(__FILE__, __LINE__,
                       "await_resume() of the task is not written yet: step awaiter");
    }

   private:
    Task& task_;  // outlives the await: a temporary of its expression, or a variable
  };
  Awaiter operator co_await() && noexcept { return Awaiter(*this); }

 private:
  friend promise_type;
  explicit Task(Handle handle) noexcept : handle_(handle) {}

  Handle handle_;
};

namespace task_detail {

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace task_detail

static_assert(TaskContract<Task<void>, void> && TaskContract<Task<int>, int> &&
              TaskContract<Task<int&>, int&>);

}  // namespace percore
