#pragma once

#include <array>
#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <percore/contract/combinators.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <tuple>
#include <utility>
#include <vector>

namespace percore {

namespace combinators_detail {

// How a task has ended: with a value or an exception.
template <typename T>
struct Ending {
  std::optional<ValueOf<T>> value;
  std::exception_ptr exception;

  ValueOf<T> take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

// Awaits a Task or a JoinHandle and gives how it has ended: no exception comes out of it. As an
// awaiter it needs no frame, so that waiting for what runs never fails for want of memory.
template <typename T, typename Awaited>
class [[nodiscard]] EndOf {
 public:
  explicit EndOf(Awaited& what) noexcept : awaiter_(std::move(what).operator co_await()) {}
  EndOf(const EndOf&) = delete;
  EndOf& operator=(const EndOf&) = delete;

  bool await_ready() const noexcept { return awaiter_.await_ready(); }
  void await_suspend(std::coroutine_handle<> awaiting) noexcept {
    awaiter_.await_suspend(awaiting);
  }
  Ending<T> await_resume() noexcept {
    Ending<T> ending;
    try {
      if constexpr (std::is_void_v<T>) {
        awaiter_.await_resume();
        ending.value.emplace();
      } else {
        ending.value.emplace(awaiter_.await_resume());
      }
    } catch (...) {
      ending.exception = std::current_exception();
    }
    return ending;
  }

 private:
  decltype(std::declval<Awaited>().operator co_await()) awaiter_;
};

template <typename T>
std::vector<ValueOf<T>> values_of(std::vector<Ending<T>>& endings) {
  std::vector<ValueOf<T>> values;
  values.reserve(endings.size());
  for (auto& ending : endings) values.push_back(ending.take());
  return values;
}

template <typename T>
Task<> keep_end_of(Task<T> task, Ending<T>& ending) {
  ending = co_await EndOf<T, Task<T>>(task);
}

// Shared by one who waits and tasks that may run on without it.
template <typename T>
struct Race {
  bool over = false;
  std::size_t index = 0;
  Ending<T> ending;
  Event ended;
};

template <typename T>
Task<> run_in(std::shared_ptr<Race<T>> race, std::size_t index, Task<T> task) {
  Ending<T> ending = co_await EndOf<T, Task<T>>(task);
  if (race->over) co_return;
  race->over = true;
  race->index = index;
  race->ending = std::move(ending);
  race->ended.set();
}

struct SetsEvent : Timer {
  explicit SetsEvent(Event& its_event) noexcept
      : Timer([](Timer& self) noexcept { static_cast<SetsEvent&>(self).event.set(); }),
        event(its_event) {}
  Event& event;
};

}  // namespace combinators_detail

/// Waits for tasks that were spawned. See contract/combinators.hpp.
/// Throws   std::bad_alloc as well, when all have ended: nothing runs on behind the caller's back.
/// Cost     one frame, and a vector of what they gave. Thread   the executor's.
template <typename T>
Task<std::vector<ValueOf<T>>> join_all(std::vector<JoinHandle<T>> handles) {
  std::vector<combinators_detail::Ending<T>> endings;
  std::exception_ptr no_memory;
  try {
    endings.reserve(handles.size());
  } catch (...) {
    no_memory = std::current_exception();
  }
  for (JoinHandle<T>& handle : handles) {
    combinators_detail::Ending<T> ending =
        co_await combinators_detail::EndOf<T, JoinHandle<T>>(handle);
    if (!no_memory) endings.push_back(std::move(ending));
  }
  if (no_memory) std::rethrow_exception(no_memory);
  co_return combinators_detail::values_of(endings);
}

/// Runs all of them at the same time.
/// Throws   std::bad_alloc as well, when those that had been started have ended.
template <typename T>
Task<std::vector<ValueOf<T>>> when_all(std::vector<Task<T>> tasks) {
  std::vector<JoinHandle<T>> handles;
  std::vector<combinators_detail::Ending<T>> endings;
  std::exception_ptr no_memory;
  try {
    // All memory first: once a task runs, waiting for it must not fail.
    handles.reserve(tasks.size());
    endings.reserve(tasks.size());
    for (Task<T>& task : tasks) handles.push_back(spawn(std::move(task)));
  } catch (...) {
    no_memory = std::current_exception();
  }
  for (JoinHandle<T>& handle : handles) {
    combinators_detail::Ending<T> ending =
        co_await combinators_detail::EndOf<T, JoinHandle<T>>(handle);
    if (!no_memory) endings.push_back(std::move(ending));
  }
  if (no_memory) std::rethrow_exception(no_memory);
  co_return combinators_detail::values_of(endings);
}

template <typename... T>
Task<std::tuple<ValueOf<T>...>> when_all(Task<T>... tasks) {
  std::tuple<combinators_detail::Ending<T>...> endings;
  // All frames first: where one cannot be had, nothing has begun.
  std::array<Task<>, sizeof...(T)> runs = std::apply(
      [&](auto&... ending) {
        return std::array<Task<>, sizeof...(T)>{
            combinators_detail::keep_end_of<T>(std::move(tasks), ending)...};
      },
      endings);
  std::array<std::optional<JoinHandle<void>>, sizeof...(T)> handles;
  std::exception_ptr no_memory;
  try {
    for (std::size_t i = 0; i < sizeof...(T); ++i) handles[i].emplace(spawn(std::move(runs[i])));
  } catch (...) {
    no_memory = std::current_exception();
  }
  for (auto& handle : handles)
    if (handle.has_value()) co_await *handle;
  if (no_memory) std::rethrow_exception(no_memory);
  co_return std::apply([](auto&... ending) { return std::tuple<ValueOf<T>...>{ending.take()...}; },
                       endings);
}

/// The first that ends.
template <typename T>
Task<FirstOf<ValueOf<T>>> when_any(std::vector<Task<T>> tasks) {
  PERCORE_ASSERT(!tasks.empty(), "when_any() of no task would wait for ever");
  const auto race = std::make_shared<combinators_detail::Race<T>>();
  for (std::size_t index = 0; index < tasks.size(); ++index)
    spawn(combinators_detail::run_in(race, index, std::move(tasks[index]))).detach();
  co_await race->ended.wait();
  co_return FirstOf<ValueOf<T>>{race->index, race->ending.take()};
}

/// Waits for `task` no longer than until `deadline`. A cancel would be a request of its own: the
/// task is not stopped.
template <typename T>
Task<Result<ValueOf<T>>> with_timeout(Task<T> task, Time deadline) {
  const auto race = std::make_shared<combinators_detail::Race<T>>();
  spawn(combinators_detail::run_in(race, 0, std::move(task))).detach();
  combinators_detail::SetsEvent timer(race->ended);
  timers().arm(timer, deadline);
  co_await race->ended.wait();
  timers().cancel(timer);
  if (race->over) co_return race->ending.take();
  const int error = Executor::current().ending() ? ECANCELED : ETIMEDOUT;
  co_return std::unexpected(std::error_code(error, std::system_category()));
}

}  // namespace percore
