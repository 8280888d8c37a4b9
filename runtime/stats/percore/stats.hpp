#pragma once

#include <memory>
#include <percore/contract/stats.hpp>
#include <string>
#include <vector>

namespace percore {

/// What an executor and its parts have counted. See contract/stats.hpp.
/// Throws   std::bad_alloc from watch() and snapshot(). Thread   the executor's.
/// Memory   a pointer for each queue and file that is watched; a snapshot owns what it tells.
/// Source   the counters of the parts themselves: Ring::counts(), Doorbell::counts(),
///          TaskQueue::statistics(), FileCounts; the times are those of now().
class Stats final : Poller {
 public:
  explicit Stats(Executor& executor);
  ~Stats() override;
  Stats(const Stats&) = delete;
  Stats& operator=(const Stats&) = delete;

  void watch(const TaskQueue& queue) { queues_.push_back(&queue); }
  void watch(const Doorbell& doorbell);
  void watch(const DmaFile& file);
  void watch(const FileCounts& files);
  StatsSnapshot snapshot() const;

 private:
  bool poll() override {
    ++turns_;
    return false;
  }
  bool only_watches() const noexcept override { return true; }
  bool prepare_to_sleep() override;
  void cancel_sleep() override;
  void executor_gone() noexcept override;

  StatsSnapshot all_there_is() const;

  Executor* executor_;  // null when it has gone
  std::vector<const TaskQueue*> queues_;
  std::vector<std::shared_ptr<const FileCounts>> files_;
  const Doorbell* doorbell_ = nullptr;
  std::uint64_t turns_ = 0;
  std::uint64_t sleeps_ = 0;
  Time asleep_;
  Time fell_asleep_;
  Time made_;
  RingCounts ring_at_first_;
  StatsSnapshot last_;  // of an executor that has gone
};

/// K2: what happened between two snapshots of the same Stats.
/// Requires  the later one first. Throws   std::bad_alloc. Thread   any.
StatsSnapshot difference(const StatsSnapshot& later, const StatsSnapshot& earlier);
/// A table for people: times in microseconds, shares in per cent.
/// Throws   std::bad_alloc. Thread   any.
std::string to_text(const StatsSnapshot& snapshot);

}  // namespace percore
