// 03.1 one_cpu_a_core: threads are not cores, on whatever machine.

#include <algorithm>
#include <map>
#include <percore/check_machine.hpp>

percore::CpuSet one_cpu_a_core(const percore::Topology& map);

using namespace percore;
using namespace percore::check;

namespace {

constexpr const char* the_map = "Lesson 03, *The cores*";
constexpr const char* the_allowed = "Lesson 03, *What is allowed*";

void expect_one_each(const Topology& map) {
  const CpuSet chosen = one_cpu_a_core(map);
  const std::string on = in_words(map);
  std::map<unsigned, unsigned> first;  // core -> its lowest CPU
  for (const Cpu& cpu : map.cpus()) first.emplace(cpu.core, cpu.id);
  std::map<unsigned, unsigned> taken;  // core -> a CPU that was chosen
  for (unsigned cpu = chosen.next(0); cpu != cpus_max; cpu = chosen.next(cpu + 1)) {
    bool there = false;
    for (const Cpu& other : map.cpus()) {
      if (other.id != cpu) continue;
      there = true;
      const bool new_core = taken.emplace(other.core, cpu).second;
      require(new_core, "on {} the CPUs {} and {} were chosen, and they are threads of one core",
              on, taken[other.core], cpu);
    }
    require(there, "CPU {} was chosen, and the map {} has no such CPU", cpu, on);
  }
  for (const auto& [core, cpu] : first) {
    const Cpu& lowest = *std::ranges::find(map.cpus(), cpu, &Cpu::id);
    if (taken.contains(core)) {
      // as it should be
    } else if (lowest.thread != 0) {
      fail_with(
          "M1", the_allowed,
          percore::check::say("on {} the core of CPU {} got nothing, and {} were chosen: the first "
                              "thread of that core may not be used here, and it is a core all the "
                              "same",
                              on, cpu, chosen.empty() ? "none" : chosen.to_list()));
    } else {
      fail("on {} the core of CPU {} got nothing, and {} were chosen", on, cpu,
           chosen.empty() ? "none" : chosen.to_list());
    }
    require(taken[core] == cpu, "on {} CPU {} was chosen, and CPU {} is the lowest of its core", on,
            taken[core], cpu);
  }
}

}  // namespace

PERCORE_CHECK("", one_of_each_core_whole_machines, "M2",
              "CPUs that share a core have its number in common", the_map, .seeds = 60,
              .ring = false) {
  expect_one_each(map_of(any_machine(run)));
}

PERCORE_CHECK("", one_of_each_core_of_what_is_allowed, "M1",
              "the map holds what this thread may use, also where that is half a core", the_allowed,
              .ring = false) {
  const Machine machine = any_machine(run);
  expect_one_each(map_of(machine, any_cpuset(run, machine)));
}
