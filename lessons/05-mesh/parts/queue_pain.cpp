#include "queue_pain.hpp"

#include <sched.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <percore/spsc_queue.hpp>
#include <thread>

#include <fmt/core.h>

#include "measure.hpp"
#include "spaced_queue.hpp"

namespace lesson {
namespace {

using percore::cpu_relax;
using percore::now;
using percore::SpscQueue;
using percore::Time;

constexpr std::uint64_t values = 1'000'000;
constexpr std::size_t room = 1024;

/// The CPUs of this thread; while it lives, threads can be pinned to one of them.
class Cpus {
 public:
  Cpus() { sched_getaffinity(0, sizeof before_, &before_); }
  ~Cpus() { sched_setaffinity(0, sizeof before_, &before_); }
  Cpus(const Cpus&) = delete;
  Cpus& operator=(const Cpus&) = delete;

  /// The calling thread, to the n-th of them, or round again where there are fewer.
  void pin(int n) const {
    int left = n % CPU_COUNT(&before_);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &before_) || left-- > 0) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof one, &one);
      return;
    }
  }

 private:
  cpu_set_t before_;
};

/// Runs both ends on a thread each, on a CPU each: the kernel would leave two young threads on one
/// for longer than this takes. Returns  nanoseconds a value.
template <typename Produce, typename Consume>
double between_two_threads(Produce produce, Consume consume) {
  const Cpus cpus;
  std::atomic<int> ready = 0;
  const auto start_together = [&](int cpu) {
    cpus.pin(cpu);
    for (++ready; ready != 2;) std::this_thread::yield();
  };
  std::thread producer([&] {
    start_together(1);
    produce();
  });
  start_together(0);
  const Time began = now();
  consume();
  producer.join();
  return nanoseconds_each(now() - began, values);
}

double through_a_lock() {
  std::mutex mutex;
  std::deque<std::uint64_t> queue;
  const auto put = [&](std::uint64_t value) {
    const std::scoped_lock lock(mutex);
    if (queue.size() == room) return false;
    queue.push_back(value);
    return true;
  };
  const auto take = [&] {
    const std::scoped_lock lock(mutex);
    if (queue.empty()) return false;
    queue.pop_front();
    return true;
  };
  return between_two_threads(
      [&] {
        for (std::uint64_t next = 0; next < values; ++next)
          while (!put(next)) std::this_thread::yield();
      },
      [&] {
        for (std::uint64_t taken = 0; taken < values; ++taken)
          while (!take()) std::this_thread::yield();
      });
}

template <typename Queue>
double one_by_one(Queue& queue) {
  return between_two_threads(
      [&] {
        for (std::uint64_t next = 0; next < values; ++next) {
          std::uint64_t value = next;
          while (!queue.try_push(value)) std::this_thread::yield();
        }
      },
      [&] {
        for (std::uint64_t taken = 0; taken < values; ++taken)
          while (!queue.try_pop()) std::this_thread::yield();
      });
}

double many_at_once() {
  SpscQueue<std::uint64_t> queue(room);
  constexpr std::uint64_t batch = 64;
  return between_two_threads(
      [&] {
        for (std::uint64_t next = 0; next < values;) {
          std::uint64_t value = next;
          const bool went = queue.stage(value);
          if (went) ++next;
          if (!went || next % batch == 0 || next == values) queue.publish();
          if (!went) std::this_thread::yield();
        }
      },
      [&] {
        for (std::uint64_t taken = 0; taken < values;) {
          while (queue.front() != nullptr && queue.popped() < batch) {
            queue.pop();
            ++taken;
          }
          queue.release();
          if (queue.front() == nullptr) std::this_thread::yield();
        }
      });
}

template <std::size_t apart>
double with_counts_apart() {
  SpacedQueue<apart> queue;
  return one_by_one(queue);
}

/// Each in turn, so that what the machine does meanwhile strikes all.
template <typename... Kinds>
std::vector<double> medians(Kinds... kinds) {
  constexpr int rounds = 5;
  std::vector<std::vector<double>> all(sizeof...(kinds));
  for (int round = 0; round < rounds; ++round) {
    std::size_t i = 0;
    (all[i++].push_back(kinds()), ...);
  }
  std::vector<double> out;
  for (auto& one : all) out.push_back(median(std::move(one)));
  return out;
}

}  // namespace

void show_queues() {
  const auto times = medians(
      through_a_lock,
      [] {
        SpscQueue<std::uint64_t> queue(room);
        return one_by_one(queue);
      },
      many_at_once);
  fmt::print("from one thread to another                 a value\n");
  fmt::print("  std::deque under a std::mutex         {:7.1f} ns\n", times[0]);
  fmt::print("  SpscQueue, each published             {:7.1f} ns\n", times[1]);
  fmt::print("  SpscQueue, 64 published at once       {:7.1f} ns\n", times[2]);
}

void false_sharing() {
  const auto times = medians(with_counts_apart<8>, with_counts_apart<128>);
  fmt::print("one queue, each value published, its counts in two layouts\n\n");
  fmt::print("  the counts in one cache line {:6.1f} ns a value\n", times[0]);
  fmt::print("  in lines of their own        {:6.1f} ns a value\n\n", times[1]);
  fmt::print(
      "What happens: a core that writes takes the whole line away from the other, though the\n"
      "other may want another count in it, or its own. This is invariant B5.\n");
}

}  // namespace lesson
