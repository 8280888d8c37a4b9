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

// Awaits `what`, a Task or a JoinHandle, to its end, and catches.
template <typename T, typename Awaited>
Task<Ending<T>> end_of(Awaited what) {
  Ending<T> ending;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(what);
      ending.value.emplace();
    } else {
      T value = co_await std::move(what);
      ending.value.emplace(std::move(value));
    }
  } catch (...) {
    ending.exception = std::current_exception();
  }
  co_return ending;
}

template <typename T>
Task<> keep_end_of(JoinHandle<T> handle, Ending<T>& ending) {
  ending = co_await end_of<T>(std::move(handle));
}

// What one who waits shares with tasks that may outlive its waiting.
template <typename T>
struct Race {
  bool over = false;
  std::size_t winner = 0;
  Ending<T> ending;
  Event ended;
};

template <typename T>
Task<> run_in(std::shared_ptr<Race<T>> race, std::size_t index, Task<T> task) {
  Ending<T> ending = co_await end_of<T>(std::move(task));
  if (race->over) co_return;  // too late: nobody wants it any more
  race->over = true;
  race->winner = index;
  race->ending = std::move(ending);
  race->ended.set();
}

// A timer that sets an event.
struct Alarm : Timer {
  explicit Alarm(Event& its_event) noexcept
      : Timer([](Timer& self) noexcept { static_cast<Alarm&>(self).event.set(); }),
        event(its_event) {}
  Event& event;
};

}  // namespace combinators_detail

/// Waits for tasks that were spawned. See contract/combinators.hpp.
/// Thread   the executor's, as for all here.
template <typename T>
Task<std::vector<ValueOf<T>>> join_all(std::vector<JoinHandle<T>> handles) {
  std::vector<combinators_detail::Ending<T>> endings;
  for (JoinHandle<T>& handle : handles) {
    auto ending = co_await combinators_detail::end_of<T>(std::move(handle));
    endings.push_back(std::move(ending));
  }
  std::vector<ValueOf<T>> values;
  for (auto& ending : endings) values.push_back(ending.take());
  co_return values;
}

/// Runs all of them at the same time.
template <typename T>
Task<std::vector<ValueOf<T>>> when_all(std::vector<Task<T>> tasks) {
  std::vector<JoinHandle<T>> handles;
  for (Task<T>& task : tasks) handles.push_back(spawn(std::move(task)));
  co_return co_await join_all(std::move(handles));
}

template <typename... T>
Task<std::tuple<ValueOf<T>...>> when_all(Task<T>... tasks) {
  std::tuple<combinators_detail::Ending<T>...> endings;
  std::array<Task<>, sizeof...(T)> joins = std::apply(
      [&](auto&... ending) {
        return std::array<Task<>, sizeof...(T)>{
            combinators_detail::keep_end_of<T>(spawn(std::move(tasks)), ending)...};
      },
      endings);
  for (Task<>& join : joins) co_await std::move(join);
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
  co_return FirstOf<ValueOf<T>>{race->winner, race->ending.take()};
}

/// Waits for `task` no longer than until `deadline`. It is not stopped.
template <typename T>
Task<Result<ValueOf<T>>> with_timeout(Task<T> task, Time deadline) {
  const auto race = std::make_shared<combinators_detail::Race<T>>();
  spawn(combinators_detail::run_in(race, 0, std::move(task))).detach();
  combinators_detail::Alarm alarm(race->ended);
  timers().arm(alarm, deadline);
  co_await race->ended.wait();
  timers().cancel(alarm);
  if (race->over) co_return race->ending.take();
  const int error = Executor::current().ending() ? ECANCELED : ETIMEDOUT;
  co_return std::unexpected(std::error_code(error, std::system_category()));
}

}  // namespace percore
