#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <percore/clock.hpp>
#include <percore/contract/ring.hpp>
#include <percore/contract/stats_parts.hpp>
#include <percore/contract/task_queue.hpp>
#include <percore/dma_file.hpp>
#include <percore/doorbell.hpp>
#include <percore/executor.hpp>
#include <percore/task_queue.hpp>
#include <string>
#include <vector>

/// Contract of the module `stats`, version 1. Ours, never swapped.
///
/// What an executor has done, in one value: what its parts count anyway, gathered when one asks.
///
/// Invariants (lesson 07):
///   K1  Nothing is counted at a spawn, a yield or a completion for this: a turn of the loop costs
///       one call more, a sleep two looks at the clock, and an executor without Stats nothing.
///   K2  A snapshot tells of the time since its Stats was made; of what it watches, since that was
///       made. The difference of two tells of the time between them: counts are differences, what
///       only has a present value is the later one's.
///   K3  elapsed = busy + asleep, to the nanosecond.
namespace percore {

inline constexpr int stats_contract_version = 1;

/// turns        of the loop that found something to run or to wait for.
/// sleeps       how often nothing was ready, and the thread went to the ring to wait.
/// asleep       time from there until it went on. What spins first, a doorbell or a timer that is
///              almost due, is awake meanwhile.
/// tasks_alive  now: the root, and those spawned that have not ended.
struct ExecutorCounts {
  std::uint64_t turns = 0;
  std::uint64_t sleeps = 0;
  Time asleep;
  std::size_t tasks_alive = 0;
};

/// Of a doorbell that counts.
struct DoorbellCounts {
  std::uint64_t sleeps = 0;
  std::uint64_t spins = 0;
  std::uint64_t spins_paid = 0;
};

struct TaskQueueCounts {
  std::string name;
  unsigned shares = 0;
  TaskQueueStatistics counts;  // wait_max: of all its time, also in a difference
};

struct StatsSnapshot {
  Time elapsed;
  ExecutorCounts executor;
  RingCounts ring;
  DoorbellCounts doorbell;
  std::vector<TaskQueueCounts> queues;
  FileCounts files;

  Time busy() const { return elapsed - executor.asleep; }
};

/// What the module must offer:
///   difference(later, earlier)   K2: a StatsSnapshot. Of the same Stats; a queue that is not yet
///                                in the earlier one counts from nothing. Throws std::bad_alloc.
///   to_text(snapshot)            a table as std::string, with shares of the time in per cent.
///                                Throws std::bad_alloc.
template <typename S>
concept StatsContract =
    requires(S stats, const S const_stats, Executor& executor, const TaskQueue& queue,
             const Doorbell& doorbell, const DmaFile& file, const FileCounts& files) {
      // Of this executor: one of its 16 pollers. Thread: the executor's, for everything. It may
      // outlive the executor; a snapshot then tells what was last known, or nothing where there was
      // no memory to keep that.
      S(executor);
      // From now on in every snapshot; of doorbells the last one, since an executor has one. What
      // is watched outlives the Stats, but for a file: that may be moved, closed and destroyed, and
      // what it had counted stays in the snapshots. One that does not count adds nothing.
      { stats.watch(queue) } -> std::same_as<void>;
      { stats.watch(doorbell) } -> std::same_as<void>;
      { stats.watch(file) } -> std::same_as<void>;
      { stats.watch(files) } -> std::same_as<void>;
      { const_stats.snapshot() } -> std::same_as<StatsSnapshot>;
    };

}  // namespace percore
