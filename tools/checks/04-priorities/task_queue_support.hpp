#pragma once

#include <algorithm>
#include <cstdint>
#include <percore/check.hpp>
#include <percore/io.hpp>
#include <percore/sim.hpp>
#include <percore/sync.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <vector>

// What the checks of task_queue share. A task "computes" by moving the virtual clock.
namespace checks {

using percore::Executor;
using percore::JoinHandle;
using percore::now;
using percore::spawn;
using percore::Task;
using percore::TaskQueue;
using percore::TaskQueues;
using percore::Time;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* queue_of_a_task = "Lesson 04, *The queue of a task*";
inline constexpr const char* the_account = "Lesson 04, *The account*";
inline constexpr const char* the_quantum = "Lesson 04, *The quantum*";
inline constexpr const char* fairness = "Lesson 04, *Fairness*";
inline constexpr const char* giving_way = "Lesson 04, *Giving way*";
inline constexpr const char* the_bound = "Lesson 04, *The bound*";
inline constexpr const char* shares_that_change = "Lesson 04, *Shares that change*";

inline constexpr std::int64_t us = 1000;
inline constexpr std::int64_t ms = 1000 * us;
/// A look at the virtual clock takes 20 ns. Around each resume a module may make this many.
inline constexpr std::int64_t looks_ns = 400;

inline void compute(std::int64_t nanoseconds) {
  percore::sim::advance(nanoseconds);
}
inline std::int64_t clock_ns() {
  return percore::sim::time_nanoseconds();
}
inline std::int64_t from_to(Run& run, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(run.random(static_cast<std::uint64_t>(high - low + 1)));
}

inline const char* name_of(TaskQueue& queue) {
  return queue.name().c_str();
}

/// Requires that the calling task runs in `queue`, by all accounts.
inline void require_runs_in(TaskQueues& queues, TaskQueue& queue) {
  require(&Executor::current().running_queue() == &queue.run_queue(),
          "a task of the queue `{}` runs in another run queue", name_of(queue));
  require(&queues.running() == &queue,
          "a task of the queue `{}` runs, and running() says that it is the turn of `{}`",
          name_of(queue), name_of(queues.running()));
}

/// A queue and what is seen of it from outside.
struct Seen {
  TaskQueue* queue = nullptr;
  std::int64_t chunk_max = 0;
  std::int64_t computed = 0;
  std::uint64_t resumes = 0;
  double low = 0;  // of what it ran a share, less that of the first queue
  double high = 0;
};

/// Busy queues: each has tasks that compute in chunks until a moment.
struct Busy {
  Run& run;
  std::int64_t quantum = 0;
  std::int64_t until = 0;
  std::vector<Seen> seen;

  /// How far a queue may run ahead, a share: a quantum, and what may run after its end.
  double quantum_a_share(const Seen& one) const {
    return static_cast<double>(quantum + quantum / 8 + one.chunk_max + looks_ns) /
           one.queue->shares();
  }
  void look() {
    const auto a_share = [](const Seen& one) {
      return static_cast<double>(one.queue->statistics().time.nanoseconds) / one.queue->shares();
    };
    const Seen& first = seen.front();
    for (Seen& one : seen) {
      const double ahead = a_share(one) - a_share(first);
      one.low = std::min(one.low, ahead);
      one.high = std::max(one.high, ahead);
      const double allowed = quantum_a_share(one) + quantum_a_share(first);
      require(one.high - one.low <= allowed,
              "queues with {} and {} shares were busy all the time and have run for {} us and {} "
              "us: they depart from their shares by {:.0f} ns a share, and a quantum of each is "
              "{:.0f}",
              one.queue->shares(), first.queue->shares(),
              one.queue->statistics().time.nanoseconds / us,
              first.queue->statistics().time.nanoseconds / us, one.high - one.low, allowed);
    }
  }
  /// After the run: what a queue was charged for is what its tasks computed.
  void account() const {
    for (const Seen& one : seen) {
      const std::int64_t charged = one.queue->statistics().time.nanoseconds;
      require(charged >= one.computed,
              "the tasks of the queue `{}` computed for {} ns, and it was charged for {} ns",
              name_of(*one.queue), one.computed, charged);
      const auto looks = static_cast<std::int64_t>(one.resumes + 4) * looks_ns;  // 4: their ends
      require(charged <= one.computed + looks,
              "the tasks of the queue `{}` computed for {} ns in {} resumes, and it was charged "
              "for {} ns: what is not its own is charged to it",
              name_of(*one.queue), one.computed, one.resumes, charged);
    }
  }
};

inline Task<> computes(Busy& busy, std::size_t at) {
  Seen& own = busy.seen[at];
  while (clock_ns() < busy.until) {
    busy.look();
    const std::int64_t chunk = from_to(busy.run, 1, own.chunk_max);
    compute(chunk);
    own.computed += chunk;
    ++own.resumes;
    co_await percore::yield();
  }
}
inline Task<> all_compute(Busy& busy, unsigned tasks_each) {
  std::vector<JoinHandle<void>> handles;
  for (std::size_t at = 0; at < busy.seen.size(); ++at)
    for (unsigned task = 0; task < tasks_each; ++task)
      handles.push_back(spawn(computes(busy, at), busy.seen[at].queue->run_queue()));
  for (auto& handle : handles) co_await handle;
}

}  // namespace checks
