// Lesson 02's goal: ten concurrent tasks that sleep and compute, all at once or so many at a time.
#include <algorithm>
#include <command_line.hpp>
#include <percore/executor.hpp>
#include <percore/mark.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/waiting_sabotage.hpp"
#include "parts/work.hpp"

namespace {

using lesson::milliseconds;

/// What all tasks of one run share. One thread runs them: no lock, no atomic.
struct Job {
  percore::Semaphore places;
  percore::Time sleeping;
  percore::Time computing;
  unsigned inside = 0;
  unsigned inside_max = 0;
};

percore::Task<> work(Job& job, unsigned number) {
  const percore::SemaphoreUnits place = co_await job.places.hold();
  const percore::Span span("task", number);  // a lane in the picture of a run
  job.inside_max = std::max(job.inside_max, ++job.inside);
  static_cast<void>(co_await percore::sleep_for(job.sleeping));
  lesson::compute(job.computing);
  --job.inside;
}

percore::Task<> one_by_one(Job& job, unsigned tasks) {
  for (unsigned number = 0; number < tasks; ++number) co_await work(job, number);
}

percore::Task<> at_once(Job& job, unsigned tasks) {
  std::vector<percore::JoinHandle<void>> handles;
  handles.reserve(tasks);
  for (unsigned number = 0; number < tasks; ++number)
    handles.push_back(percore::spawn(work(job, number)));
  for (auto& handle : handles) co_await handle;
}

struct Options {
  unsigned tasks = 10;
  unsigned places = 3;
  unsigned sleep_ms = 20;
  unsigned compute_ms = 1;
};

void show_run(percore::Executor& executor, const Options& options, const std::string& what,
              unsigned places, percore::Task<> (*root)(Job&, unsigned)) {
  Job job{.places = percore::Semaphore(places),
          .sleeping = milliseconds(options.sleep_ms),
          .computing = milliseconds(options.compute_ms)};
  const percore::Time start = percore::now();
  executor.run(root(job, options.tasks));
  const double total = lesson::in_milliseconds(percore::now() - start);
  const double sum = options.tasks * (options.sleep_ms + options.compute_ms);
  fmt::print("{:<22}{:>10}{:>12.0f}{:>11.0f} %\n", what, job.inside_max, total, 100 * total / sum);
}

void show_all_ways(percore::Executor& executor, const Options& options) {
  fmt::print("{} tasks, each sleeps {} ms and computes {} ms: {} ms in sum\n\n", options.tasks,
             options.sleep_ms, options.compute_ms,
             options.tasks * (options.sleep_ms + options.compute_ms));
  fmt::print("{:<22}{:>10}{:>12}{:>13}\n", "", "inside", "total ms", "of the sum");
  show_run(executor, options, "one after the other", options.tasks, one_by_one);
  show_run(executor, options, "all at once", options.tasks, at_once);
  show_run(executor, options, fmt::format("{} at once", options.places), options.places, at_once);
}

percore::Task<> request(percore::Gate& gate, percore::Event& started, unsigned number) {
  const auto pass = gate.enter();
  if (!pass) {
    fmt::print("request {} is turned away: {}\n", number, pass.error().message());
    co_return;
  }
  fmt::print("request {} is inside\n", number);
  started.set();
  static_cast<void>(co_await percore::sleep_for(milliseconds(10 * number)));
  fmt::print("request {} leaves\n", number);
}

/// A service that ends without losing anybody.
percore::Task<> show_gate() {
  percore::Gate gate;
  percore::Event started;
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned number : {2U, 1U})
    handles.push_back(percore::spawn(request(gate, started, number)));
  co_await started.wait();
  auto closing = gate.close();
  fmt::print("the gate is closed, {} inside\n", gate.inside());
  handles.push_back(percore::spawn(request(gate, started, 3)));
  co_await closing;
  fmt::print("nobody is inside any more: what they used can go\n");
  for (auto& handle : handles) co_await handle;
}

percore::Task<> takes(percore::Semaphore& semaphore, const char* name, std::size_t units) {
  co_await semaphore.acquire(units);
  fmt::print("{} has {}\n", name, units);
}

/// Who gets what, and when: predict it before you run it.
percore::Task<> show_order() {
  percore::Semaphore semaphore(2);
  std::vector<percore::JoinHandle<void>> handles;
  handles.push_back(percore::spawn(takes(semaphore, "first", 1)));
  handles.push_back(percore::spawn(takes(semaphore, "second", 2)));
  handles.push_back(percore::spawn(takes(semaphore, "third", 1)));
  co_await percore::yield();
  fmt::print("{} in hand, {} waiting\n", semaphore.available(), semaphore.waiting());
  fmt::print("a try for 1: {}\n", semaphore.try_acquire(1));
  semaphore.release(1);
  fmt::print("released 1: {} in hand, {} waiting\n", semaphore.available(), semaphore.waiting());
  co_await percore::yield();
  semaphore.release(1);
  for (auto& handle : handles) co_await handle;
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line(
      "Runs tasks that sleep and compute, all at once or so many at a time.", "concurrency");
  Options options;
  unsigned only = 0;
  bool order = false;
  bool gate = false;
  std::string sabotage;
  line.number("--tasks", options.tasks, 1U, 100000U, "how many tasks");
  line.number("--at-once", options.places, 1U, 100000U, "how many of them may be inside at once");
  line.number("--sleep", options.sleep_ms, 0U, 10000U, "milliseconds that each of them sleeps");
  line.number("--compute", options.compute_ms, 0U, 1000U,
              "milliseconds that each of them computes");
  line.number("--only", only, 1U, 100000U,
              "one run alone, with so many inside at once: for a picture");
  line.flag("--order", order, "a semaphore of two units: who gets what, and when");
  line.flag("--gate", gate, "a service that ends without losing anybody");
  line.sabotage(sabotage, {{"barging", "whoever finds enough units takes them"},
                           {"lost-units", "an exception goes past the release"},
                           {"spinning", "a task asks again and again"},
                           {"forgotten-waiter", "an event is gone before who waits for it"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    if (sabotage == "forgotten-waiter") {
      lesson::forgotten_waiter();
      return 0;
    }
    percore::Executor executor;
    if (sabotage == "barging") {
      lesson::barging(executor);
    } else if (sabotage == "lost-units") {
      lesson::lost_units(executor);
    } else if (sabotage == "spinning") {
      lesson::spinning(executor);
    } else if (order) {
      executor.run(show_order());
    } else if (gate) {
      executor.run(show_gate());
    } else if (only != 0) {
      show_run(executor, options, fmt::format("{} at once", only), only, at_once);
    } else {
      show_all_ways(executor, options);
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "concurrency: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "concurrency: {}\n", problem.what());
    return 1;
  }
}
