#include "sabotage.hpp"

#include <algorithm>
#include <numeric>
#include <percore/executor.hpp>
#include <percore/histogram.hpp>
#include <percore/timer.hpp>
#include <vector>

#include <fmt/core.h>

#include "figures.hpp"
#include "pin_here.hpp"

namespace lesson {
namespace {

using percore::Executor;
using percore::Histogram;
using percore::JoinHandle;
using percore::Task;
using percore::Time;

constexpr unsigned tasks = 10'000;

Task<unsigned> gives(unsigned number) {
  co_return number;
}

Task<> spawns_and_joins() {
  std::vector<JoinHandle<unsigned>> handles;
  handles.reserve(tasks);
  unsigned sum = 0;
  for (unsigned i = 0; i < tasks; ++i) handles.push_back(percore::spawn(gives(i)));
  for (auto& handle : handles) sum += co_await handle;
  asm volatile("" : : "r"(sum));
}

double ns_a_task(Executor& executor) {
  const Time began = percore::now();
  executor.run(spawns_and_joins());
  return static_cast<double>((percore::now() - began).nanoseconds) / tasks;
}

void cold_start() {
  Executor executor;
  std::vector<double> rounds;
  for (unsigned i = 0; i < 9; ++i) rounds.push_back(ns_a_task(executor));
  fmt::print("spawn and join, ns a task, round by round\n ");
  for (const double round : rounds) fmt::print("{:>7.1f}", round);
  const std::vector<double> three(rounds.begin(), rounds.begin() + 3);
  const std::vector<double> warm(rounds.begin() + 2, rounds.end());
  fmt::print("\n\n  the mean of the first three    {:>7.1f}\n", mean_of(three));
  fmt::print("  the median without the first 2 {:>7.1f}\n\n", figure_of(warm).median);
  fmt::print(
      "What happened: the first round takes memory from the system, page by page, and finds its\n"
      "code and its branches unknown to the CPU. That is a cost, but it is paid once: say which "
      "of\n"
      "the two you measure, and do not mix them.\n");
}

// Works on what fits into the cache next to the core.
void unpinned() {
  constexpr unsigned rounds = 200;
  std::vector<unsigned> numbers(64 * 1024, 1);
  const auto round = [&] {
    const Time began = percore::now();
    const unsigned sum = std::accumulate(numbers.begin(), numbers.end(), 0U);
    for (std::size_t i = 0; i < numbers.size(); i += 16) numbers[i] = sum;
    return static_cast<double>((percore::now() - began).nanoseconds) / 1'000;
  };
  const auto many = [&](bool moves) {
    std::vector<double> took;
    for (unsigned i = 0; i < rounds; ++i) {
      if (moves && !move_to_another_cpu()) return took;
      took.push_back(round());
    }
    return took;
  };
  many(false);
  const std::vector<double> pinned = many(false);
  const std::vector<double> moved = many(true);
  if (moved.empty()) {
    fmt::print("This machine lets the program use one CPU only: nothing can move it.\n");
    return;
  }
  fmt::print("{} rounds over 256 KiB, us a round      median  quartiles\n\n", rounds);
  fmt::print("  stays on its CPU               {}\n", as_text(figure_of(pinned)));
  fmt::print("  is moved before each round     {}\n\n", as_text(figure_of(moved)));
  fmt::print(
      "What happened: what it works on lies in the caches of the core that it has left. The "
      "kernel\n"
      "moves a thread when it likes, so now one figure comes out and now the other. Pin it.\n");
}

void mean() {
  Executor executor;
  for (unsigned i = 0; i < 3; ++i) ns_a_task(executor);
  std::vector<double> rounds;
  for (unsigned i = 0; i < 99; ++i) rounds.push_back(ns_a_task(executor));
  // One pause, as a neighbour or an interrupt makes it: 20 ms in one round of ninety-nine.
  const Time began = percore::now();
  while (percore::now() - began < Time{20'000'000}) percore::cpu_relax();
  rounds.back() += static_cast<double>((percore::now() - began).nanoseconds) / tasks;
  const Figure figure = figure_of(rounds);
  const double average = mean_of(rounds);
  const auto above = std::ranges::count_if(rounds, [&](double ns) { return ns > average; });
  fmt::print("99 rounds of spawn and join, in one of them a pause of 20 ms; ns a task\n\n");
  fmt::print("  mean                      {:>9.1f}   {} of 99 rounds took that long\n", average,
             above);
  fmt::print("  median                    {:>9.1f}   quartiles {:.1f} to {:.1f}\n", figure.median,
             figure.low, figure.high);
  fmt::print("  maximum                   {:>9.1f}\n\n", *std::ranges::max_element(rounds));
  fmt::print(
      "What happened: the pause went into the mean of all, as if each had waited for a part of "
      "it.\n"
      "The median says what a round takes, the maximum what was worst. The mean says neither.\n");
}

constexpr std::int64_t ms = 1'000'000;
constexpr unsigned moments = 1'000;

/// Wakes each millisecond and notes how late that was. A moment that has passed is not made up for:
/// that is the mistake, which `corrected` mends.
Task<> looks_each_millisecond(Histogram& late, Histogram& corrected) {
  const Time begin = percore::now();
  for (unsigned i = 0; i < moments; ++i) {
    const Time due{begin.nanoseconds + i * ms};
    if (percore::now() > Time{due.nanoseconds + ms}) continue;
    const auto slept = co_await percore::sleep_until(due);
    if (!slept) co_return;
    const auto value = static_cast<std::uint64_t>((percore::now() - due).nanoseconds);
    late.record(value);
    corrected.record_with_interval(value, ms);
  }
}

Task<> holds_the_thread_once(Time after, Time how_long) {
  const auto slept = co_await percore::sleep_for(after);
  if (!slept) co_return;
  const Time began = percore::now();
  while (percore::now() - began < how_long) percore::cpu_relax();
}

Task<> measures_beside_a_hog(Histogram& late, Histogram& corrected) {
  JoinHandle<void> hog = percore::spawn(holds_the_thread_once(Time{300 * ms}, Time{100 * ms}));
  co_await looks_each_millisecond(late, corrected);
  co_await hog;
}

void coordinated_omission() {
  Histogram late, corrected;
  Executor().run(measures_beside_a_hog(late, corrected));
  const auto show = [](const char* what, const Histogram& histogram) {
    const auto in_ms = [](std::uint64_t ns) { return static_cast<double>(ns) / ms; };
    fmt::print("  {:<36}{:>7}{:>10.2f}{:>10.2f}{:>10.2f}\n", what, histogram.count(),
               in_ms(histogram.value_at(50)), in_ms(histogram.value_at(99)),
               in_ms(histogram.max()));
  };
  fmt::print(
      "a task wakes each ms for a second; another one holds the thread for 100 ms, once\n\n");
  fmt::print("  {:<36}{:>7}{:>10}{:>10}{:>10}\n", "how late it was, in ms", "counted", "p50", "p99",
             "max");
  show("the moments that it saw", late);
  show("with those that it slept through", corrected);
  fmt::print(
      "\nWhat happened: who measures was held up together with what it measures, and of a hundred\n"
      "moments that went wrong it saw one. record_with_interval() puts the others in.\n");
}

}  // namespace

void sabotage(const std::string& mistake) {
  if (mistake == "cold-start") cold_start();
  if (mistake == "unpinned") unpinned();
  if (mistake == "mean") mean();
  if (mistake == "coordinated-omission") coordinated_omission();
}

}  // namespace lesson
