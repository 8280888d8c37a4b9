// The classic mistakes with time, made on purpose.
#include "time_sabotage.hpp"

#include <liburing.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <percore/timer.hpp>
#include <vector>

#include <fmt/core.h>

#include "child.hpp"
#include "work.hpp"

namespace lesson {
namespace {

constexpr percore::Time period = milliseconds(10);
constexpr int beats = 10;

/// The mistake: the next beat is counted from *now*, and now is late.
percore::Task<> beats_from_now() {
  for (int beat = 0; beat < beats; ++beat) {
    static_cast<void>(co_await percore::sleep_for(period));
    compute(milliseconds(2));
  }
}

percore::Task<> beats_on_a_grid() {
  percore::Interval interval(period);
  for (int beat = 0; beat < beats; ++beat) {
    static_cast<void>(co_await interval.next());
    compute(milliseconds(2));
  }
}

double run_for_milliseconds(percore::Executor& executor, percore::Task<> root) {
  const percore::Time start = percore::now();
  executor.run(std::move(root));
  return in_milliseconds(percore::now() - start);
}

/// The mistake: the thread sleeps, and with it every task.
percore::Task<> sleeps_blocking() {
  const timespec duration{.tv_sec = 0, .tv_nsec = 20'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, nullptr);
  co_return;
}

percore::Task<> sleeps_awaiting() {
  static_cast<void>(co_await percore::sleep_for(milliseconds(20)));
}

percore::Task<> many(percore::Task<> (*task)(), unsigned count) {
  std::vector<percore::JoinHandle<void>> handles;
  for (unsigned done = 0; done < count; ++done) handles.push_back(percore::spawn(task()));
  for (auto& handle : handles) co_await handle;
}

/// Not a mistake on ten sleeps: an operation of the ring for each.
class RingTimeout final : percore::Operation {
 public:
  RingTimeout() noexcept : Operation(&RingTimeout::completed) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) {
    waiting_ = percore::Runnable::of(coroutine);
    io_uring_prep_timeout(&percore::Executor::current().ring().entry(*this), &duration_, 0, 0);
  }
  void await_resume() const noexcept {}

 private:
  static void completed(Operation& self, std::int32_t, std::uint32_t) noexcept {
    static_cast<RingTimeout&>(self).waiting_.schedule();
  }
  __kernel_timespec duration_{.tv_sec = 0, .tv_nsec = 20'000'000};
  percore::Runnable waiting_;
};

percore::Task<> sleeps_on_the_ring() {
  co_await RingTimeout();
}

/// The mistake: its owner is gone, and the queue still has its address.
void destroy_an_armed_timer() {
  percore::Executor executor;
  executor.run([]() -> percore::Task<> {
    auto timer = std::make_unique<percore::Timer>([](percore::Timer&) noexcept {});
    percore::timers().arm(*timer, percore::now() + milliseconds(1));
    timer.reset();
    co_return;
  }());
}

struct Quiet : percore::Timer {
  Quiet() noexcept : Timer([](percore::Timer&) noexcept {}) {}
};

double nanoseconds_each(percore::Time since, std::size_t times) {
  return static_cast<double>((percore::now() - since).nanoseconds) / static_cast<double>(times);
}

struct TimerCosts {
  double arm = 1e18, cancel = 1e18, fire = 1e18;
};

TimerCosts costs_among(std::size_t armed) {
  constexpr std::size_t probes = 1'000;
  const auto others = std::make_unique<Quiet[]>(armed);
  const auto probed = std::make_unique<Quiet[]>(probes);
  std::uint64_t random = 1;
  const auto deadline = [&] {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return percore::Time{static_cast<std::int64_t>(random >> 31)};  // within about 8 s
  };
  TimerCosts costs;
  for (int attempt = 0; attempt < 3; ++attempt) {  // the least disturbed try
    percore::TimerQueue queue;
    for (std::size_t i = 0; i < armed; ++i) queue.arm(others[i], deadline());
    percore::Time start = percore::now();
    for (std::size_t i = 0; i < probes; ++i) queue.arm(probed[i], deadline());
    costs.arm = std::min(costs.arm, nanoseconds_each(start, probes));
    start = percore::now();
    for (std::size_t i = 0; i < probes; ++i) queue.cancel(probed[i]);
    costs.cancel = std::min(costs.cancel, nanoseconds_each(start, probes));
    start = percore::now();
    while (queue.size() != 0) queue.fire_due(queue.earliest());
    costs.fire = std::min(costs.fire, nanoseconds_each(start, armed));
  }
  return costs;
}

}  // namespace

void drift(percore::Executor& executor) {
  fmt::print("10 beats, one every 10 ms, each followed by 2 ms of work\n\n");
  fmt::print("  {:<34}{:>5.0f} ms\n", "sleep_for(period) after the work",
             run_for_milliseconds(executor, beats_from_now()));
  fmt::print("  {:<34}{:>5.0f} ms\n", "Interval(period)",
             run_for_milliseconds(executor, beats_on_a_grid()));
  fmt::print(
      "\nWhat happened: each beat began a period after the one before had *ended*, so the work, "
      "and "
      "every delay,\n"
      "was added to all beats behind it. A periodic timer counts from its start. This is D6.\n");
}

void blocking_sleep(percore::Executor& executor) {
  fmt::print("ten tasks, each sleeps 20 ms\n\n");
  fmt::print("  {:<34}{:>5.0f} ms\n", "clock_nanosleep(2) in each task",
             run_for_milliseconds(executor, many(sleeps_blocking, 10)));
  fmt::print("  {:<34}{:>5.0f} ms\n", "co_await percore::sleep_for",
             run_for_milliseconds(executor, many(sleeps_awaiting, 10)));
  fmt::print(
      "\nWhat happened: ten tasks share one thread, and it slept. Nobody's deadline was looked at "
      "meanwhile.\n"
      "The thread may sleep in one place only, until the earliest deadline of all. This is D4.\n");
}

void freed_timer() {
  const std::string words = last_words(destroy_an_armed_timer);
  fmt::print("{}\n", words.substr(words.find("a timer was")));
  fmt::print(
      "\nWhat happened: the owner of a timer was gone before its moment, and the queue still had "
      "its "
      "address. The\n"
      "program was ended there, and not a millisecond later in memory that is someone else's. This "
      "is D3.\n");
}

void ring_timeouts(percore::Executor& executor) {
  constexpr unsigned tasks = 1'000;
  const auto row = [&](const char* what, percore::Task<> (*task)()) {
    const percore::RingCounts before = executor.ring().counts();
    executor.run(many(task, tasks));
    fmt::print("  {:<34}{:>9}\n", what, executor.ring().counts().submitted - before.submitted);
  };
  fmt::print("{} tasks, each sleeps 20 ms{:>26}\n\n", tasks, "entries");
  row("IORING_OP_TIMEOUT for each", sleeps_on_the_ring);
  row("co_await percore::sleep_for", sleeps_awaiting);
}

void show_timer_costs() {
  fmt::print("{:>10}{:>12}{:>12}{:>12}\n", "armed", "ns to arm", "to cancel", "to fire");
  for (const std::size_t armed : {10U, 1'000U, 100'000U, 1'000'000U}) {
    const TimerCosts costs = costs_among(armed);
    fmt::print("{:>10}{:>12.0f}{:>12.0f}{:>12.0f}\n", armed, costs.arm, costs.cancel, costs.fire);
  }
}

}  // namespace lesson
