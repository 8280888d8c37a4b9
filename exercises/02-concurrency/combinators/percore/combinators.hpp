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

// Waiting for several tasks, in three steps. The contract, <percore/contract/combinators.hpp>, has
// the invariants C1 to C4: keep it open beside this. The tools are those of the lessons before:
// spawn() and JoinHandle, Event, timers(). Two rules for coroutines: no co_await inside a
// condition (g++ 12 miscompiles some of those), and none inside a catch block (the language forbids
// it).
//
// - Step "all" (C1, C2): join_all() and when_all().
// - Step "any" (C3): when_any().
// - Step "timeout" (C4): with_timeout().

namespace percore {

namespace combinators_detail {

// Done: how a task has ended: with a value or an exception.
template <typename T>
struct Ending {
  std::optional<ValueOf<T>> value;
  std::exception_ptr exception;

  ValueOf<T> take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

// Done: awaits `what`, a Task or a JoinHandle, to its end, and catches.
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

// ----------------------------------------------------------------------------------- Step "any"

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
  // TODO any (C3): runs `task` to its end, and if it is the first, leaves in the race what
  // there is to know. Whoever is too late is dropped, value and exception.
  static_cast<void>(race);
  static_cast<void>(index);
  co_await end_of<T>(std::move(task));
}

// Done, for the step "timeout": a timer that sets an event.
struct Alarm : Timer {
  explicit Alarm(Event& its_event) noexcept
      : Timer([](Timer& self) noexcept { static_cast<Alarm&>(self).event.set(); }),
        event(its_event) {}
  Event& event;
};

}  // namespace combinators_detail

// ----------------------------------------------------------------------------------- Step "all"

/// Waits for tasks that were spawned. See contract/combinators.hpp.
/// Thread   the executor's, as for all here.
template <typename T>
Task<std::vector<ValueOf<T>>> join_all(std::vector<JoinHandle<T>> handles) {
  // TODO all (C1, C2): waits for every one of them, also when one has thrown; then gives the values
  // in the order of the handles, or throws what the first of them, in this order, has thrown.
  std::vector<ValueOf<T>> values;
  static_cast<void>(handles);
  co_return values;
}

/// Runs all of them at the same time.
template <typename T>
Task<std::vector<ValueOf<T>>> when_all(std::vector<Task<T>> tasks) {
  // TODO all: all of them run before the first one is waited for.
  std::vector<ValueOf<T>> values;
  static_cast<void>(tasks);
  co_return values;
}

template <typename... T>
Task<std::tuple<ValueOf<T>...>> when_all(Task<T>... tasks) {
  // Done: makes for each task one that joins it and keeps how it has ended.
  std::tuple<combinators_detail::Ending<T>...> endings;
  std::array<Task<>, sizeof...(T)> joins = std::apply(
      [&](auto&... ending) {
        return std::array<Task<>, sizeof...(T)>{
            combinators_detail::keep_end_of<T>(spawn(std::move(tasks)), ending)...};
      },
      endings);
  // TODO all (C1): waits for all of these.
  static_cast<void>(joins);
  co_return std::apply([](auto&... ending) { return std::tuple<ValueOf<T>...>{ending.take()...}; },
                       endings);
}

// ----------------------------------------------------------------------------------- Step "any"

/// The first that ends.
template <typename T>
Task<FirstOf<ValueOf<T>>> when_any(std::vector<Task<T>> tasks) {
  PERCORE_ASSERT(!tasks.empty(), "when_any() of no task would wait for ever");
  // TODO any (C3): lets all of them run in one race, and waits for its end. The race outlives this
  // function, for the others run on.
  auto ending = co_await combinators_detail::end_of<T>(std::move(tasks.front()));
  co_return FirstOf<ValueOf<T>>{0, ending.take()};
}

// ------------------------------------------------------------------------------- Step "timeout"

/// Waits for `task` no longer than until `deadline`. It is not stopped.
template <typename T>
Task<Result<ValueOf<T>>> with_timeout(Task<T> task, Time deadline) {
  // TODO timeout (C4): a race of one task, and an Alarm that ends the waiting. Who goes on
  // asks for the value first, and for the time after that. Nobody must set an event that is gone.
  static_cast<void>(deadline);
  auto ending = co_await combinators_detail::end_of<T>(std::move(task));
  co_return ending.take();
}

}  // namespace percore
