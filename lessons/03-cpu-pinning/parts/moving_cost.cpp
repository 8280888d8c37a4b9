// Measures what a move to another CPU costs a thread, and what it saves one whose CPU is taken.
#include "moving_cost.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <percore/topology.hpp>
#include <random>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "pin.hpp"

namespace lesson {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// The lower quartile: on a busy machine the rest of the values are about other programs.
double undisturbed(std::vector<double> values) {
  const auto place = static_cast<std::ptrdiff_t>(values.size() / 4);
  std::ranges::nth_element(values, values.begin() + place);
  return values[static_cast<std::size_t>(place)];
}

/// A task's data: lines of memory that are read one after the other in an order that no
/// prefetcher guesses, because each holds the number of the next.
class WorkingSet {
 public:
  explicit WorkingSet(std::size_t bytes) : lines_(bytes / sizeof(Line)) {
    std::vector<std::uint32_t> order(lines_.size());
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin() + 1, order.end(), std::mt19937(1));
    for (std::size_t i = 0; i < order.size(); ++i)
      lines_[order[i]].next = order[(i + 1) % order.size()];
  }
  /// Reads and writes each line once. Returns microseconds.
  double walk() {
    const auto start = Clock::now();
    std::uint32_t at = 0;
    do {
      ++lines_[at].visits;
      at = lines_[at].next;
    } while (at != 0);
    return since(start);
  }

 private:
  struct alignas(64) Line {
    std::uint32_t next = 0;
    std::uint32_t visits = 0;
  };
  std::vector<Line> lines_;
};

struct Walks {
  double stayed = 0;  ///< microseconds
  double moved = 0;
  double the_move = 0;
};

// In turn: a walk after a walk on the same CPU, and a walk just after a move to the other one.
Walks measure_walks(std::size_t bytes, unsigned home, unsigned away) {
  constexpr int rounds = 101;
  WorkingSet data(bytes);
  std::vector<double> stayed, moved, moves;
  for (int round = 0; round < rounds; ++round) {
    pin(only(round % 2 == 0 ? home : away));
    data.walk();
    stayed.push_back(data.walk());
    const auto start = Clock::now();
    pin(only(round % 2 == 0 ? away : home));
    moves.push_back(since(start));
    moved.push_back(data.walk());
  }
  return {
      .stayed = undisturbed(stayed), .moved = undisturbed(moved), .the_move = undisturbed(moves)};
}

// How much a thread gets done in a while, while another one computes on CPU `taken` all the time.
std::uint64_t done_beside_another(const percore::CpuSet& may_run_on, unsigned taken) {
  std::atomic<bool> over = false;
  std::thread other([&over, taken] {
    pin(only(taken));
    while (!over.load(std::memory_order_relaxed)) {
    }
  });
  std::uint64_t done = 0;
  std::thread worker([&done, &may_run_on, taken] {
    pin(only(taken));  // both begin on one CPU
    pin(may_run_on);
    const auto start = Clock::now();
    volatile std::uint64_t work = 0;
    while (since(start) < 200'000) {
      for (int i = 0; i < 10'000; ++i) work = work + 1;
      ++done;
    }
  });
  worker.join();
  over = true;
  other.join();
  return done;
}

}  // namespace

int show_moving_cost() {
  const auto allowed = percore::allowed_cpus();
  if (!allowed) {
    fmt::print(stderr, "pinning: {}\n", allowed.error());
    return 3;
  }
  const unsigned home = allowed->next(0);
  const unsigned next = allowed->next(home + 1);
  const unsigned away = next == percore::cpus_max ? home : next;
  std::thread([home, away] {
    fmt::print("a walk through a task's data, on CPU {} and CPU {}\n\n", home, away);
    fmt::print("{:<12}{:>16}{:>16}{:>16}{:>16}\n", "data", "stayed, us", "just moved, us",
               "times as long", "the move, us");
    for (const std::size_t kilobytes : {16U, 64U, 256U, 1024U}) {
      const Walks walks = measure_walks(kilobytes * 1024, home, away);
      fmt::print("{:<12}{:>16.1f}{:>16.1f}{:>16.1f}{:>16.1f}\n", fmt::format("{} KiB", kilobytes),
                 walks.stayed, walks.moved, walks.moved / walks.stayed, walks.the_move);
    }
  }).join();
  const auto alone = static_cast<double>(done_beside_another(only(away), home));
  fmt::print("\nwork done while another thread computes on CPU {}\n\n", home);
  fmt::print("  {:<40}{:>4.0f} %\n", "pinned to the same CPU",
             100 * static_cast<double>(done_beside_another(only(home), home)) / alone);
  fmt::print("  {:<40}{:>4.0f} %\n", "free to move",
             100 * static_cast<double>(done_beside_another(*allowed, home)) / alone);
  fmt::print("  {:<40}{:>4.0f} %\n", "pinned to a CPU of its own", 100.0);
  return 0;
}

}  // namespace lesson
