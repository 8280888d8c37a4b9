#include <percore/topology.hpp>
#include <set>

/// One CPU of each core of the map: the lowest that the map has.
percore::CpuSet one_cpu_a_core(const percore::Topology& map) {
  percore::CpuSet chosen;
  std::set<unsigned> cores;
  for (const percore::Cpu& cpu : map.cpus()) {
    const bool new_core = cores.insert(cpu.core).second;
    if (new_core) chosen.add(cpu.id);
  }
  return chosen;
}
