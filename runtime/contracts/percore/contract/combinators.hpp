#pragma once

#include <cstddef>
#include <percore/executor.hpp>
#include <percore/result.hpp>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// Contract of the module `combinators`, version 1. Ours, never swapped.
///
/// Invariants (lesson 02):
///   C1  when_all() waits for every one of its tasks, also when one throws: nothing that they refer
///       to is gone while one still runs. Then it throws what the first of them, in their order and
///       not in time, has thrown.
///   C2  Values come back in the order of the tasks, whatever the order of their ends.
///   C3  when_any() goes on with the first that ends, exactly once. The others run on by
///       themselves: their values and exceptions are dropped.
///   C4  with_timeout() gives the value when it is there by the time the caller goes on, also when
///       the deadline has passed in the same turn; else ETIMEDOUT, and the task runs on by itself.
///       Nothing of the timer is left behind.
namespace percore {

inline constexpr int combinators_contract_version = 1;

/// What a task of type void gives where a value is needed.
using Nothing = std::monostate;
template <typename T>
using ValueOf = std::conditional_t<std::is_void_v<T>, Nothing, T>;

/// What when_any() gives: which task ended first, and its value.
template <typename T>
struct FirstOf {
  std::size_t index;
  T value;
};

/// What the module must offer, for the tasks of one executor:
///   when_all(Task<T>...)              -> Task<std::tuple<ValueOf<T>...>>
///   when_all(std::vector<Task<T>>)    -> Task<std::vector<ValueOf<T>>>
///   join_all(std::vector<JoinHandle<T>>)
///                                     -> Task<std::vector<ValueOf<T>>>, of tasks spawned before
///   when_any(std::vector<Task<T>>)    -> Task<FirstOf<ValueOf<T>>>; not empty. Throws what the
///                                     first has thrown.
///   with_timeout(Task<T>, Time deadline)
///                                     -> Task<Result<ValueOf<T>>>: ETIMEDOUT. Throws what the task
///                                     has thrown in time. ECANCELED at the end of the executor.
/// Parameters are taken by value: the tasks are theirs.

}  // namespace percore
