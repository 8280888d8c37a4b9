#pragma once

#include <cstdint>

#include <percore/sim.hpp>

namespace percore::sim {

/// Crashes a program at each of its changes to files in memory, and lets each crash be survived in
/// several ways.
///
/// options    with files_in_memory; its crash_at_step is overwritten.
/// survivals  how many ways, at least 2: the first keeps only what was synced, the second all.
/// run        the program from its start: makes its files, does its work, closes its rings. What it
///            was told while !crashed() it notes for `examine`.
/// examine    called after each crash, between two runs: reads file_content() and folder_names(),
///            or begins a run with keep_files of its own. step  the change the power failed at, one
///            past the last: after the end.
/// Returns    how many crashes there were.
/// Cost       one run for each: changes times survivals.
///
///   const std::uint64_t crashes = for_each_crash(options, 20, work, [](std::uint64_t step,
///       std::uint64_t seed) { CHECK(file_content("/sim/log").value_or("").starts_with(told)); });
template <typename Run, typename Examine>
std::uint64_t for_each_crash(Options options, std::uint64_t survivals, Run run, Examine examine) {
  std::uint64_t crashes = 0;
  std::uint64_t steps = 0;
  for (std::uint64_t step = 1; step <= steps + 1; ++step) {
    for (std::uint64_t seed = 0; seed != survivals; ++seed, ++crashes) {
      options.crash_at_step = step;
      begin(options);
      run();
      end();
      steps = counts().disk_steps;
      crash(seed);
      examine(step, seed);
    }
  }
  return crashes;
}

}  // namespace percore::sim
