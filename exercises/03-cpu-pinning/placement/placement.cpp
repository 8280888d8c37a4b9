#include <percore/placement.hpp>

// Where executors go. What there is to work with:
//
//   topology.cpus()   every CPU that may be used, by its number `id`. Each says in which `package`,
//                     `node`, `cache` and `core` it lies. Two CPUs with the same `core` are threads
//                     of one core.
//   CpuSet            add(cpu), contains(cpu), empty(), count(), to_list(); a walk through it:
//                     for (unsigned cpu = set.next(0); cpu != cpus_max; cpu = set.next(cpu + 1))
//   Places            a set of CPUs for each executor, or a sentence that says why not:
//                     return std::unexpected("...")
//
// &Cpu::package and its like can be kept in an array: `cpu.*level` is then the number at a level.

namespace percore {

// ---------------------------------------------------------------- Step "given"

Places place_unbound(const Topology& topology, std::size_t count) {
  // TODO given: each executor on any CPU of the map. There may be more executors than CPUs.
  static_cast<void>(topology);
  static_cast<void>(count);
  return std::unexpected("not written yet");
}

Places place_fixed(const Topology& topology, const CpuSet& cpus) {
  // TODO given (A1, A2): one executor on each of these CPUs, ascending. A CPU that the map lacks is
  // an error that names it and says which there are.
  static_cast<void>(topology);
  static_cast<void>(cpus);
  return std::unexpected("not written yet");
}

Places place_fenced(const Topology& topology, std::size_t count, const CpuSet& cpus) {
  // TODO given (A1): each executor on any of these CPUs. An empty fence is an error.
  static_cast<void>(topology);
  static_cast<void>(count);
  static_cast<void>(cpus);
  return std::unexpected("not written yet");
}

Places place_custom(const Topology& topology, const std::vector<CpuSet>& sets) {
  // TODO given (A1): these sets as they are, once they have been looked over.
  static_cast<void>(topology);
  static_cast<void>(sets);
  return std::unexpected("not written yet");
}

// --------------------------------------------------------------- Step "spread"

Places place_spread(const Topology& topology, std::size_t count) {
  // TODO spread (A2, A3, A5): one CPU for each executor. At each level (packages; the nodes of a
  // package; the caches of a node; the cores of a cache; the threads of a core) they are shared out
  // evenly: the next one goes to the part that has fewest. First only as many as a part has cores;
  // when all cores are taken, second threads as well.
  static_cast<void>(topology);
  static_cast<void>(count);
  return std::unexpected("not written yet");
}

// ----------------------------------------------------------------- Step "pack"

Places place_pack(const Topology& topology, std::size_t count) {
  // TODO pack (A2, A4, A5): one CPU for each executor, at each level in as few parts as can hold
  // them.
  static_cast<void>(topology);
  static_cast<void>(count);
  return std::unexpected("not written yet");
}

}  // namespace percore
