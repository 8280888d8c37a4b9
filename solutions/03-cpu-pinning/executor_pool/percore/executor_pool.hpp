#pragma once

#include <functional>
#include <memory>
#include <percore/contract/executor_pool.hpp>
#include <percore/sync.hpp>
#include <utility>

namespace percore {

/// One member of a pool, as its own tasks see it.
/// Thread   the member's.
class Shard {
 public:
  /// Throws   std::system_error when there is no descriptor left.
  Shard(std::size_t number, std::size_t count, const CpuSet& cpus);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  std::size_t number() const noexcept { return number_; }
  std::size_t count() const noexcept { return count_; }
  /// Where the member may run.
  const CpuSet& cpus() const noexcept { return cpus_; }

  bool stop_requested() const noexcept { return stop_.is_set(); }
  /// Waits until the pool is asked to stop. `co_await` it; any number of tasks may.
  Event::Wait stopped() noexcept { return stop_.wait(); }

 private:
  friend class PoolThreads;
  std::size_t number_;
  std::size_t count_;
  CpuSet cpus_;
  int stop_descriptor_;  // an eventfd: written by stop(), read by the member's ring
  Event stop_;
};

/// The threads of a pool, whatever their tasks give. `run` is called on each, with its executor.
class PoolThreads {
 public:
  using Run = std::function<void(Executor&, Shard&)>;

  PoolThreads(const std::vector<CpuSet>& places, Run run, const PoolOptions& options);
  ~PoolThreads();
  PoolThreads(const PoolThreads&) = delete;
  PoolThreads& operator=(const PoolThreads&) = delete;

  void stop() noexcept;
  void join() noexcept;
  std::size_t size() const noexcept;

  /// Sets the shard's event when stop() is called; ends with the executor. For the member's own.
  static Task<> watch_for_stop(Shard& shard);

 private:
  struct Shared;
  struct Member;
  static void live(Member& member, Shared& shared);

  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Member>> members_;
};

/// One executor a thread, each on its own CPUs. See contract/executor_pool.hpp.
template <typename T>
class ExecutorPool {
 public:
  template <typename Root>
  explicit ExecutorPool(const std::vector<CpuSet>& places, Root root,
                        const PoolOptions& options = {})
      : outcomes_(places.size(), Outcome<T>(std::unexpect, nullptr)),
        threads_(
            places,
            [this, root](Executor& executor, Shard& shard) {
              outcomes_[shard.number()] = outcome_of(executor, root, shard);
            },
            options) {}

  void stop() noexcept { threads_.stop(); }
  std::vector<Outcome<T>> join() {
    threads_.join();
    return std::move(outcomes_);
  }
  std::size_t size() const noexcept { return threads_.size(); }

 private:
  template <typename Root>
  static Task<T> root_of(Root root, Shard& shard) {
    spawn(PoolThreads::watch_for_stop(shard)).detach();
    Task<T> task = root(shard);
    co_return co_await std::move(task);
  }

  template <typename Root>
  static Outcome<T> outcome_of(Executor& executor, const Root& of_all, Shard& shard) {
    try {
      Root root = of_all;
      if constexpr (std::is_void_v<T>) {
        executor.run(root_of(std::move(root), shard));
        return {};
      } else {
        return executor.run(root_of(std::move(root), shard));
      }
    } catch (...) {
      return std::unexpected(std::current_exception());
    }
  }

  // Each member writes its own; join() makes them visible.
  std::vector<Outcome<T>> outcomes_;
  PoolThreads threads_;
};

}  // namespace percore
