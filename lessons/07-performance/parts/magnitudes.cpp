// What things cost, each by itself, to the power of ten.
#include "magnitudes.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <percore/executor.hpp>
#include <random>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "figures.hpp"

namespace lesson {
namespace {

using percore::Executor;
using percore::Task;
using percore::Time;

/// Median of some rounds, the first of which warms up.
template <typename Round>
double ns_each(unsigned operations, Round round) {
  std::vector<double> rounds;
  for (unsigned i = 0; i < 12; ++i) {
    const Time began = percore::now();
    round(operations);
    rounds.push_back(static_cast<double>((percore::now() - began).nanoseconds) / operations);
  }
  rounds.erase(rounds.begin());
  return figure_of(std::move(rounds)).median;
}

[[gnu::noinline]] void called() {
  asm volatile("");  // so that it is called, although it does nothing
}

Task<> yields(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await percore::yield();
}

Task<> two_take_turns(unsigned times) {
  auto other = percore::spawn(yields(times / 2));
  co_await yields(times / 2);
  co_await other;
}

Task<> nothing() {
  co_return;
}

Task<> spawns(unsigned tasks) {
  std::vector<percore::JoinHandle<void>> handles;
  handles.reserve(tasks);
  for (unsigned i = 0; i < tasks; ++i) handles.push_back(percore::spawn(nothing()));
  for (auto& handle : handles) co_await handle;
}

/// Each load says where the next one is: a tour through 64 MiB, a cache line a stop, in no order
/// that the processor could foresee.
class Tour {
 public:
  Tour() : next_(stops * words) {
    std::vector<std::uint32_t> order(stops);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    for (std::size_t i = 0; i < stops; ++i)
      next_[order[i] * words] = order[(i + 1) % stops] * words;
  }
  void walk(unsigned loads) {
    for (unsigned i = 0; i < loads; ++i) here_ = next_[here_];
    asm volatile("" : : "r"(here_));
  }

 private:
  static constexpr std::uint32_t stops = 1U << 20;
  static constexpr std::uint32_t words = 16;  // of 4 bytes: a cache line
  std::vector<std::uint32_t> next_;
  std::uint32_t here_ = 0;
};

/// A thread that sleeps until it is written to, and writes back.
class Sleeper {
 public:
  Sleeper()
      : there_(eventfd(0, EFD_CLOEXEC)), back_(eventfd(0, EFD_CLOEXEC)), thread_([this] {
          while (take(there_) == 1) give(back_, 1);
        }) {}
  ~Sleeper() {
    give(there_, 2);
    thread_.join();
    close(there_);
    close(back_);
  }
  void there_and_back() {
    give(there_, 1);
    take(back_);
  }

 private:
  static void give(int descriptor, std::uint64_t value) {
    if (write(descriptor, &value, sizeof value) != sizeof value) std::abort();
  }
  static std::uint64_t take(int descriptor) {
    std::uint64_t value = 0;
    if (read(descriptor, &value, sizeof value) != sizeof value) std::abort();
    return value;
  }

  int there_;
  int back_;
  std::thread thread_;
};

void show(const char* what, double ns) {
  const double power = std::pow(10, std::round(std::log10(std::max(ns, 1.0))));
  fmt::print("{:<50}{:>10.1f}{:>12}\n", what, ns,
             with_commas(static_cast<unsigned long long>(power + 0.5)));
  std::fflush(stdout);
}

}  // namespace

void show_magnitudes() {
  fmt::print("{:<50}{:>10}{:>12}\n", "", "ns", "10 to the n");
  show("a call and its return", ns_each(1'000'000, [](unsigned times) {
         for (unsigned i = 0; i < times; ++i) called();
       }));
  Executor executor;
  show("a yield to another task",
       ns_each(100'000, [&](unsigned times) { executor.run(two_take_turns(times)); }));
  show("a task: spawn it and join it",
       ns_each(1'000, [&](unsigned tasks) { executor.run(spawns(tasks)); }));
  show("malloc() and free() of 96 bytes", ns_each(1'000, [](unsigned blocks) {
         static void* taken[1'000];
         for (unsigned i = 0; i < blocks; ++i) taken[i] = std::malloc(96);
         for (unsigned i = 0; i < blocks; ++i) std::free(taken[i]);
       }));
  Tour tour;
  show("a load from memory that is in no cache",
       ns_each(200'000, [&](unsigned loads) { tour.walk(loads); }));
  show("a system call that does next to nothing", ns_each(10'000, [](unsigned times) {
         for (unsigned i = 0; i < times; ++i) syscall(SYS_getppid);
       }));
  Sleeper sleeper;
  show("waking a thread that sleeps, half a round trip", ns_each(500, [&](unsigned times) {
                                                           for (unsigned i = 0; i < times; ++i)
                                                             sleeper.there_and_back();
                                                         }) / 2);
}

}  // namespace lesson
