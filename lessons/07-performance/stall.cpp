// A server that stalls once, and two ways to ask how long its answers take.
#include <command_line.hpp>
#include <percore/executor.hpp>
#include <percore/histogram.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "parts/histogram_mistakes.hpp"

namespace {

using percore::Histogram;
using percore::JoinHandle;
using percore::Task;
using percore::Time;

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;

struct Load {
  unsigned requests = 1'000;
  Time period{1 * ms};    // a request each
  Time service{20 * us};  // what an answer takes, but for the one
  Time stall{200 * ms};
};

/// One request after the other, in the order of their coming. A third of the way it stalls.
class Server {
 public:
  explicit Server(const Load& load) : load_(load) {}

  Task<> answer() {
    co_await turn_.acquire();
    const Time takes = ++answered_ == load_.requests / 3 ? load_.stall : load_.service;
    const auto slept = co_await percore::sleep_for(takes);
    static_cast<void>(slept);
    turn_.release();
  }

 private:
  const Load& load_;
  percore::Semaphore turn_{1};
  unsigned answered_ = 0;
};

std::uint64_t since(Time moment) {
  return static_cast<std::uint64_t>((percore::now() - moment).nanoseconds);
}

/// Asks, waits for the answer, and only then looks when the next one is due: no more than one
/// request is ever under way. What should have been asked meanwhile is not.
Task<> closed_loop(Server& server, const Load& load, Histogram& took, Histogram& corrected) {
  const Time begin = percore::now();
  for (unsigned i = 0; i < load.requests; ++i) {
    const Time due{begin.nanoseconds + i * load.period.nanoseconds};
    if (percore::now() > due + load.period) continue;
    const auto slept = co_await percore::sleep_until(due);
    if (!slept) co_return;
    const Time asked = percore::now();
    co_await server.answer();
    const std::uint64_t time = since(asked);
    took.record(time);
    corrected.record_with_interval(time, static_cast<std::uint64_t>(load.period.nanoseconds));
  }
}

Task<> one_request(Server& server, Time due, Histogram& took) {
  co_await server.answer();
  took.record(since(due));
}

/// Asks when it is time, whatever is under way, and counts from the moment that was meant.
Task<> open_loop(Server& server, const Load& load, Histogram& took) {
  std::vector<JoinHandle<void>> handles;
  handles.reserve(load.requests);
  const Time begin = percore::now();
  for (unsigned i = 0; i < load.requests; ++i) {
    const Time due{begin.nanoseconds + i * load.period.nanoseconds};
    const auto slept = co_await percore::sleep_until(due);
    if (!slept) break;
    handles.push_back(percore::spawn(one_request(server, due, took)));
  }
  for (auto& handle : handles) co_await handle;
}

void show(const char* what, const Histogram& took) {
  const auto in_ms = [](std::uint64_t ns) { return static_cast<double>(ns) / ms; };
  fmt::print("{:<38}{:>9}{:>8.2f} ms{:>8.2f} ms{:>8.2f} ms\n", what, took.count(),
             in_ms(took.value_at(50)), in_ms(took.value_at(90)), in_ms(took.value_at(99)));
}

void compare(const Load& load, bool plot) {
  percore::Executor executor;
  Histogram closed, corrected, open;
  {
    Server server(load);
    executor.run(closed_loop(server, load, closed, corrected));
  }
  Server server(load);
  executor.run(open_loop(server, load, open));
  fmt::print("{} requests, one each {} ms; the server stalls once, for {} ms\n\n", load.requests,
             load.period.nanoseconds / ms, load.stall.nanoseconds / ms);
  fmt::print("{:<38}{:>9}{:>11}{:>11}{:>11}\n", "", "counted", "p50", "p90", "p99");
  show("asks, waits, then asks again", closed);
  show("the same, record_with_interval()", corrected);
  show("asks when it is time", open);
  if (!plot) return;
  for (const auto& [name, took] : {std::pair{"asks, waits, then asks again", &closed},
                                   std::pair{"asks when it is time", &open}})
    fmt::print("\n{}\n{}", name, took->to_text({.unit = "ns"}));
}

}  // namespace

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("How long a server's answers take that stalls once.", "stall");
  Load load;
  unsigned stall_ms = 200;
  bool plot = false;
  std::string mistake;
  line.number("--requests", load.requests, 100U, 100'000U, "how many should be asked, one a ms");
  line.number("--stall", stall_ms, 1U, 10'000U, "for how many ms the server stalls");
  line.flag("--plot", plot, "the spectrum of percentiles of both");
  line.sabotage(mistake, {{"average-percentiles", "the p99 of two servers is not their mean"},
                          {"short-range", "a value_max that the values exceed"},
                          {"one-digit", "one significant digit, where the server got 5 % slower"}});
  if (const auto status = line.parse(argc, argv)) return *status;
  load.stall = Time{stall_ms * ms};

  try {
    if (mistake == "average-percentiles") {
      lesson::average_percentiles();
    } else if (mistake == "short-range") {
      lesson::short_range();
    } else if (mistake == "one-digit") {
      lesson::one_digit();
    } else {
      compare(load, plot);
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "stall: {}\n", unavailable.what());
    return 3;
  }
}
