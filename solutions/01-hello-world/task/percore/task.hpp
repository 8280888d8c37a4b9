#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <percore/assert.hpp>
#include <percore/contract/task.hpp>
#include <percore/frame_pool.hpp>
#include <type_traits>
#include <utility>

namespace percore {

template <typename T>
class Task;

// The trampoline

namespace task_detail {
inline constinit thread_local std::coroutine_handle<> next_coroutine = nullptr;
}

inline void go_on_with(std::coroutine_handle<> next) noexcept {
  task_detail::next_coroutine = next;
}

inline void run_chain(std::coroutine_handle<> first) {
  for (std::coroutine_handle<> coroutine = first; coroutine;) {
    task_detail::next_coroutine = nullptr;
    coroutine.resume();
    coroutine = task_detail::next_coroutine;
  }
}

// The promise

namespace task_detail {

struct FinalAwaiter {
  FinalAwaiter() noexcept {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) const noexcept {
    // follow() may destroy the frame: nothing of it is touched afterwards.
    go_on_with(task.promise().continuation.follow(task));
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  Continuation continuation;  // empty until the task is started
  std::exception_ptr exception;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }

  static void* operator new(std::size_t size_bytes) { return allocate_frame(size_bytes); }
  static void operator delete(void* frame, std::size_t size_bytes) noexcept {
    free_frame(frame, size_bytes);
  }
};

template <typename T>
struct Promise final : PromiseBase {
  // A reference is kept as a pointer.
  using Stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  std::optional<Stored> value;

  Task<T> get_return_object() noexcept;

  template <typename U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& result) {
    if constexpr (std::is_reference_v<T>) {
      T reference = std::forward<U>(result);
      value.emplace(std::addressof(reference));
    } else {
      value.emplace(std::forward<U>(result));
    }
  }

  T take() {
    if (exception) std::rethrow_exception(std::move(exception));
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(**value);
    } else {
      return std::move(*value);
    }
  }
};

template <>
struct Promise<void> final : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() {
    if (exception) std::rethrow_exception(std::move(exception));
  }
};

}  // namespace task_detail

// The task

/// A lazy coroutine that gives one T (a value, a move-only value, a reference or void) or throws.
/// Thread   the one that starts it also resumes and destroys it.
/// Memory   owns the frame.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task old = std::move(other);
    std::swap(handle_, old.handle_);
    return *this;
  }
  ~Task() {
    if (!handle_) return;
    PERCORE_ASSERT(handle_.done() || !handle_.promise().continuation,
                   "a task was destroyed after it started and before it finished");
    handle_.destroy();
  }

  bool valid() const noexcept { return static_cast<bool>(handle_); }
  bool done() const noexcept { return handle_.done(); }

  std::coroutine_handle<> start(Continuation continuation) noexcept {
    PERCORE_ASSERT(handle_ && !handle_.promise().continuation,
                   "a task was started twice, or after it was moved away");
    PERCORE_ASSERT(continuation, "a task was started with nobody to tell about its end");
    handle_.promise().continuation = continuation;
    return handle_;
  }
  void continue_with(Continuation continuation) noexcept {
    handle_.promise().continuation = continuation;
  }
  T take_result() { return handle_.promise().take(); }

  std::coroutine_handle<> release() noexcept { return std::exchange(handle_, nullptr); }
  static Task adopt(std::coroutine_handle<> task) noexcept {
    return Task(Handle::from_address(task.address()));
  }

  class Awaiter {
   public:
    explicit Awaiter(Task& task) noexcept : task_(task) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) const noexcept {
      go_on_with(task_.start(Continuation::resume(awaiting)));
    }
    T await_resume() const { return task_.take_result(); }

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
