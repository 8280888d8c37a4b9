// Lesson 02, sitting 1: tasks that wait for time.
#include <command_line.hpp>
#include <percore/executor.hpp>
#include <percore/mark.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/time_sabotage.hpp"
#include "parts/work.hpp"

namespace {

using lesson::milliseconds;

percore::Task<> alarm(unsigned number, percore::Time duration) {
  const percore::Span span("alarm", number);
  const auto slept = co_await percore::sleep_for(duration);
  if (slept) fmt::print("alarm {}: {:.0f} ms\n", number, lesson::in_milliseconds(duration));
}

percore::Task<> three_alarms() {
  auto first = percore::spawn(alarm(1, milliseconds(30)));
  auto second = percore::spawn(alarm(2, milliseconds(10)));
  auto third = percore::spawn(alarm(3, milliseconds(20)));
  co_await first;
  co_await second;
  co_await third;
}

percore::Task<> wakes(const char* name, percore::Time deadline) {
  const auto slept = co_await percore::sleep_until(deadline);
  fmt::print("{}{}\n", name, slept ? "" : " was cancelled");
}

/// Who wakes when: predict it before you run it.
percore::Task<> show_order() {
  const percore::Time noon = percore::now() + milliseconds(20);
  std::vector<percore::JoinHandle<void>> handles;
  handles.push_back(percore::spawn(wakes("noon, armed first", noon)));
  handles.push_back(percore::spawn(wakes("before noon", noon - milliseconds(10))));
  handles.push_back(percore::spawn(wakes("noon, armed later", noon)));
  handles.push_back(percore::spawn(wakes("long ago", percore::Time{})));
  co_await percore::yield();
  fmt::print("all are armed; the thread computes past noon\n");
  lesson::compute(milliseconds(30));
  percore::spawn(wakes("in an hour", noon + milliseconds(3'600'000))).detach();
  for (auto& handle : handles) co_await handle;
  fmt::print("the root task ends\n");
}

/// An interval keeps its grid, whatever its caller does in between.
percore::Task<> show_ticks() {
  const percore::Time start = percore::now();
  percore::Interval interval(milliseconds(100), start);
  for (const int work : {0, 40, 250, 0, 0}) {
    const auto passed = co_await interval.next();
    if (!passed) co_return;
    const double at = lesson::in_milliseconds(percore::now() - start);
    fmt::print("at {:3.0f} ms: {} {}, then {} ms of work\n", at, *passed,
               *passed == 1 ? "period" : "periods", work);
    lesson::compute(milliseconds(work));
  }
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("Wakes tasks at their time.", "alarms");
  bool order = false;
  bool ticks = false;
  bool entries = false;
  bool cost = false;
  std::string sabotage;
  line.flag("--order", order, "equal deadlines, past ones, and one that never comes");
  line.flag("--ticks", ticks, "a periodic timer under work of different length");
  line.flag("--entries", entries, "what a thousand sleeps ask of the ring");
  line.flag("--cost", cost, "nanoseconds to arm, cancel and fire, among many others");
  line.sabotage(sabotage, {{"drift", "the next beat is counted from now"},
                           {"blocking-sleep", "a task stops the thread instead of awaiting"},
                           {"freed-timer", "a timer's owner is gone before its moment"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    if (cost) {
      lesson::show_timer_costs();
      return 0;
    }
    if (sabotage == "freed-timer") {
      lesson::freed_timer();
      return 0;
    }
    percore::Executor executor;
    if (sabotage == "drift") {
      lesson::drift(executor);
    } else if (sabotage == "blocking-sleep") {
      lesson::blocking_sleep(executor);
    } else if (entries) {
      lesson::ring_timeouts(executor);
    } else if (order) {
      executor.run(show_order());
    } else if (ticks) {
      executor.run(show_ticks());
    } else {
      executor.run(three_alarms());
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "alarms: {}\n", unavailable.what());
    return 3;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "alarms: {}\n", problem.what());
    return 1;
  }
}
