#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <expected>
#include <percore/cpu_set.hpp>
#include <percore/executor.hpp>
#include <string>
#include <vector>

/// Contract of the module `executor_pool`, version 1. Ours, never swapped.
///
/// Invariants (lesson 03):
///   O1  A member's thread is pinned before it allocates anything: its ring, its frames and its
///       heap are first touched on its own CPU, and so lie in the memory next to it.
///   O2  No root task starts before every member has its executor. When one cannot start, none
///       does: the constructor throws its reason, and no thread is left.
///   O3  Each member's root task is made, run and destroyed on that member's thread.
///   O4  join() gives every member's value or exception, in their order; one that throws stops no
///       other.
///   O5  stop() only asks, from any thread and as often as one likes; it wakes a member that
///       sleeps.
///   O6  The destructor stops and joins.
namespace percore {

inline constexpr int executor_pool_contract_version = 1;

/// executor   of each member. name   of the threads, followed by "-" and their number; the kernel
///            keeps 15 characters (pthread_setname_np(3)).
struct PoolOptions {
  ExecutorOptions executor;
  std::string name = "percore";
};

/// How a member has ended.
template <typename T>
using Outcome = std::expected<T, std::exception_ptr>;

/// What the module must offer:
///   class Shard          given to each root task, on its thread: number() (from 0), count(),
///                        cpus(); stop_requested(); co_await stopped(), which waits for stop().
///                        Lives as long as the member.
///   class ExecutorPool<T>
///                        ExecutorPool(const std::vector<CpuSet>& places, root, options)
///                        root: called as root(Shard&) on each member's thread; gives Task<T>. Each
///                        member has a copy of its own, which lives until that task has ended.
/// Throws   std::system_error, RingUnavailable from the constructor. Thread   the pool belongs to
/// the one that constructs it, but for stop().
template <typename P, typename T>
concept ExecutorPoolContract = requires(P pool, const P const_pool) {
  { pool.stop() } noexcept -> std::same_as<void>;
  // Once. Blocks until all have ended.
  { pool.join() } -> std::same_as<std::vector<Outcome<T>>>;
  { const_pool.size() } noexcept -> std::same_as<std::size_t>;
};

}  // namespace percore
