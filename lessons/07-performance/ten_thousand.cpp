// Lesson 07's goal: all figures of the runtime, for a run of ten thousand tasks on one executor.
#include <command_line.hpp>
#include <percore/executor.hpp>
#include <string>

#include <fmt/core.h>

#include "parts/costs.hpp"
#include "parts/magnitudes.hpp"
#include "parts/pin_here.hpp"
#include "parts/sabotage.hpp"
#include "parts/turn.hpp"
#include "parts/wake_ups.hpp"

int main(int argc, char** argv) {
  percore::lesson::CommandLine line("All figures of the runtime, for ten thousand tasks.",
                                    "ten_thousand");
  lesson::CostOptions options;
  unsigned spread_ms = 200;
  bool turn = false;
  bool wake_ups = false;
  bool magnitudes = false;
  std::string mistake;
  line.number("--tasks", options.tasks, 100U, 1'000'000U, "alive at once");
  line.number("--rounds", options.rounds, 5U, 10'000U, "that count; two before them warm up");
  line.number("--spread", spread_ms, 10U, 60'000U, "ms over which the sleepers wake");
  line.flag("--wake-ups", wake_ups, "only how late sleepers wake, and what the executor did");
  line.flag("--magnitudes", magnitudes, "what things cost, to the power of ten");
  line.flag("--turn", turn, "where the time goes in one turn of the loop");
  line.sabotage(mistake, {{"cold-start", "the first round counts like the others"},
                          {"unpinned", "the thread is moved between CPUs"},
                          {"mean", "one number for a thousand, and the wrong one"},
                          {"coordinated-omission", "who measures waits with those it measures"}});
  if (const auto status = line.parse(argc, argv)) return *status;

  try {
    // Not where a thread is to be woken on another CPU.
    const int cpu = magnitudes ? 0 : lesson::pin_to_first_cpu();
    const percore::Time spread{spread_ms * std::int64_t{1'000'000}};
    if (!mistake.empty()) {
      lesson::sabotage(mistake);
    } else if (magnitudes) {
      lesson::show_magnitudes();
    } else if (turn) {
      lesson::show_turn();
    } else if (wake_ups) {
      lesson::show_wake_ups(options.tasks, spread);
    } else {
      if (cpu < 0) fmt::print("(this system does not let a thread be pinned: expect more noise)\n");
      lesson::show_costs(options);
      fmt::print("\n");
      lesson::show_wake_ups(options.tasks, spread);
    }
  } catch (const percore::RingUnavailable& unavailable) {
    fmt::print(stderr, "ten_thousand: {}\n", unavailable.what());
    return 3;
  }
}
