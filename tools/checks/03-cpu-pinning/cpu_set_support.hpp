#pragma once

#include <percore/check.hpp>
#include <percore/cpu_set.hpp>
#include <set>
#include <string>

// What the checks of cpu_set share: a std::set as the model, and the kernel's list of it.
namespace checks {

using percore::cpus_max;
using percore::CpuSet;
using percore::check::require;
using percore::check::Run;

inline constexpr const char* the_set = "Lesson 03, *The set*";
inline constexpr const char* the_list = "Lesson 03, *The list*";

using Model = std::set<unsigned>;

inline std::string list_of(const Model& model) {
  std::string list;
  for (auto cpu = model.begin(); cpu != model.end();) {
    const unsigned first = *cpu;
    unsigned last = first;
    while (++cpu != model.end() && *cpu == last + 1) ++last;
    if (!list.empty()) list += ",";
    list += std::to_string(first);
    if (last != first) list += "-" + std::to_string(last);
  }
  return list;
}

inline CpuSet set_of(const Model& model) {
  CpuSet set;
  for (const unsigned cpu : model) set.add(cpu);
  return set;
}

/// A number that is often small, often beside a word's edge, and sometimes the last.
inline unsigned any_cpu(Run& run) {
  constexpr unsigned edges[] = {0, 31, 32, 63, 64, 127, 128, 1023, 1024, cpus_max - 1};
  if (run.chance(30)) return edges[run.random(std::size(edges))];
  return static_cast<unsigned>(run.random(run.chance(70) ? 12 : cpus_max));
}

inline Model any_model(Run& run, unsigned most) {
  Model model;
  const unsigned members = run.size(0, most);
  for (unsigned i = 0; i < members; ++i) model.insert(any_cpu(run));
  return model;
}

}  // namespace checks
