// 03.4 topology, once on the kernel: this machine's map.

#include <percore/check.hpp>
#include <percore/topology.hpp>

using percore::Topology;
using percore::check::require;

PERCORE_CHECK("around", this_machine_can_be_read, "M1",
              "the map holds the CPUs that this thread may use, and no other",
              "Lesson 03, *What is allowed*", .ring = false) {
  const auto map = Topology::of_this_machine();
  require(map.has_value(), "this machine's map cannot be read: {}",
          map ? std::string() : map.error());
  const auto allowed = percore::allowed_cpus();
  require(allowed.has_value(), "the kernel does not say which CPUs may be used");
  percore::CpuSet in_the_map;
  for (const percore::Cpu& cpu : map->cpus()) in_the_map.add(cpu.id);
  require(in_the_map == *allowed, "this thread may use the CPUs {}, and the map has {}",
          allowed->to_list(), in_the_map.to_list());
}
