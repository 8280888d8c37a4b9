#pragma once

namespace lesson {

struct CostOptions {
  unsigned tasks = 10'000;
  unsigned rounds = 21;
};

/// Prints what a task costs: time, instructions, system calls, memory.
void show_costs(const CostOptions& options);

}  // namespace lesson
