#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <percore/assert.hpp>
#include <percore/contract/task.hpp>
#include <percore/frame_pool.hpp>
#include <type_traits>
#include <utility>

namespace percore {

template <typename T>
class Task;

namespace task_detail {

// The coroutine that the trampoline of this thread resumes next.
inline constinit thread_local std::coroutine_handle<> next_coroutine = nullptr;

}  // namespace task_detail

inline void go_on_with(std::coroutine_handle<> next) noexcept {
  task_detail::next_coroutine = next;
}

inline void run_chain(std::coroutine_handle<> first) {
  std::coroutine_handle<> coroutine = first;
  do {
    task_detail::next_coroutine = nullptr;
    coroutine.resume();
    coroutine = task_detail::next_coroutine;
  } while (coroutine);
}

namespace task_detail {

struct FinalAwaiter {
  FinalAwaiter() noexcept {}
  bool await_ready() const noexcept { return false; }
  template <typename Promise>
  void await_suspend(std::coroutine_handle<Promise> task) const noexcept {
    // The hook may destroy the frame, and this awaiter with it: nothing of either is touched after
    // follow().
    go_on_with(task.promise().continuation.follow(task));
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  Continuation continuation;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  static void* operator new(std::size_t size_bytes) { return allocate_frame(size_bytes); }
  static void operator delete(void* frame, std::size_t size_bytes) noexcept {
    free_frame(frame, size_bytes);
  }
};

// A value, or the exception in its place. A reference is kept as a pointer.
template <typename T>
struct Promise final : PromiseBase {
  using Stored = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;
  enum class State : unsigned char { empty, value, exception };

  Promise() noexcept {}
  ~Promise() {
    if (state == State::value) std::destroy_at(std::addressof(value));
    if (state == State::exception) std::destroy_at(std::addressof(exception));
  }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

  Task<T> get_return_object() noexcept;

  template <typename U>
    requires std::is_convertible_v<U&&, T>
  void return_value(U&& result) {
    if constexpr (std::is_reference_v<T>) {
      T reference = std::forward<U>(result);
      std::construct_at(std::addressof(value), std::addressof(reference));
    } else {
      std::construct_at(std::addressof(value), std::forward<U>(result));
    }
    state = State::value;
  }

  void unhandled_exception() noexcept {
    std::construct_at(std::addressof(exception), std::current_exception());
    state = State::exception;
  }

  T take() {
    if (state == State::exception) std::rethrow_exception(std::move(exception));
    if constexpr (std::is_reference_v<T>) {
      return static_cast<T>(*value);
    } else {
      return std::move(value);
    }
  }

  union {
    Stored value;
    std::exception_ptr exception;
  };
  State state = State::empty;
};

template <>
struct Promise<void> final : PromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { exception = std::current_exception(); }
  void take() {
    if (exception) std::rethrow_exception(std::move(exception));
  }

  std::exception_ptr exception;
};

}  // namespace task_detail

/// A lazy coroutine that gives one T (a value, a move-only value, a reference or void) or throws.
/// See contract/task.hpp. Await it where it is called, `const auto value = co_await work();`, or
/// keep it and `co_await std::move(task)`. Thread   the one that starts it also resumes and
/// destroys it. Memory   owns the frame, from frame_pool. Parameters are copied into it: take them
/// by value, or keep what a
///          reference names alive until the task has finished (C++ Core Guidelines CP.53).
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task(std::move(other)).swap(*this);
    return *this;
  }
  ~Task() {
    if (!handle_) return;
    PERCORE_ASSERT(handle_.done() || !handle_.promise().continuation,
                   "a task was destroyed after it started and before it finished: await it or its "
                   "JoinHandle first");
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
    // The task outlives the await: it is a temporary of the awaiting expression, or a variable
    // moved from.
    Task& task_;
  };

  Awaiter operator co_await() && noexcept { return Awaiter(*this); }

 private:
  friend promise_type;
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  void swap(Task& other) noexcept { std::swap(handle_, other.handle_); }

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
