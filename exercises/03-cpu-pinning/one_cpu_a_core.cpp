#include <percore/topology.hpp>

// Exercise 03.1, kind: fix. A program with many threads that compute wants one on each core. It
// asks this function where. On some machines two of the threads land on one core. The checker calls
// one_cpu_a_core() with maps of many machines; leave its name and its parameters as they are.

/// One CPU of each core of the map: the lowest that the map has.
percore::CpuSet one_cpu_a_core(const percore::Topology& map) {
  percore::CpuSet chosen;
  unsigned core_before = static_cast<unsigned>(-1);
  for (const percore::Cpu& cpu : map.cpus()) {
    if (cpu.core == core_before) continue;
    chosen.add(cpu.id);
    core_before = cpu.core;
  }
  return chosen;
}
