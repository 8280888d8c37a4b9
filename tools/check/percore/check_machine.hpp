#pragma once

/// Machines for checks, made up from a few numbers or from the seed, and how to tell of them.
///
///     const Machine machine = any_machine(run);           // smaller when a failure is shrunk for
///     const Topology map = map_of(machine, any_cpuset(run, machine));
///     require(..., "on {} ...", in_words(map));
///
/// Header only: it is compiled against whichever version of `topology` the check is about.
/// Rule   everything drawn comes from Run, so that a seed is the whole case.

#include <percore/check.hpp>
#include <percore/machine_words.hpp>
#include <percore/topology.hpp>
#include <string>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace percore::check {

/// A regular machine; a cpuset makes it irregular.
struct Machine {
  unsigned packages = 1;
  unsigned nodes = 1;         ///< in a package
  unsigned caches = 1;        ///< in a node
  unsigned cores = 2;         ///< below a cache
  unsigned threads = 1;       ///< of a core
  bool side_by_side = false;  ///< threads of a core are CPUs 2n and 2n+1; else n and n + cores

  [[nodiscard]] unsigned all_cores() const { return packages * nodes * caches * cores; }
  [[nodiscard]] unsigned cpus() const { return all_cores() * threads; }
  /// The number of a core's thread.
  [[nodiscard]] unsigned cpu(unsigned core, unsigned thread) const {
    return side_by_side ? core * threads + thread : thread * all_cores() + core;
  }
};

/// The CPUs of the `count` cores from core `first` on, with all their threads.
inline CpuSet cpus_of(const Machine& machine, unsigned first, unsigned count) {
  CpuSet set;
  for (unsigned core = first; core < first + count; ++core)
    for (unsigned thread = 0; thread < machine.threads; ++thread)
      set.add(machine.cpu(core, thread));
  return set;
}

inline CpuSet cpus_of(const Machine& machine) {
  return cpus_of(machine, 0, machine.all_cores());
}

/// What Topology::read() would find in its /sys, a line `path=content` each.
inline std::string recording_of(const Machine& machine) {
  const std::string system = "devices/system/";
  const unsigned cores_a_node = machine.caches * machine.cores;
  const unsigned cores_a_package = machine.nodes * cores_a_node;
  const unsigned nodes = machine.packages * machine.nodes;
  std::string text = system + "cpu/online=" + cpus_of(machine).to_list() + "\n";
  text += system + "node/online=0-" + std::to_string(nodes - 1) + "\n";
  for (unsigned node = 0; node < nodes; ++node) {
    text += system + "node/node" + std::to_string(node) +
            "/cpulist=" + cpus_of(machine, node * cores_a_node, cores_a_node).to_list() + "\n";
  }
  for (unsigned core = 0; core < machine.all_cores(); ++core) {
    const auto around = [&](unsigned cores) {
      return cpus_of(machine, core / cores * cores, cores).to_list() + "\n";
    };
    const std::string own = around(1), cache = around(machine.cores);
    const std::string package = around(cores_a_package);
    for (unsigned thread = 0; thread < machine.threads; ++thread) {
      const std::string folder =
          system + "cpu/cpu" + std::to_string(machine.cpu(core, thread)) + "/";
      text += folder + "topology/core_id=" + std::to_string(core % cores_a_package) + "\n";
      text += folder + "topology/core_cpus_list=" + own;
      text += folder + "topology/package_cpus_list=" + package;
      text += folder + "cache/index0/level=3\n";
      text += folder + "cache/index0/type=Unified\n";
      text += folder + "cache/index0/shared_cpu_list=" + cache;
    }
  }
  return text;
}

/// A recording in memory, with a path that Topology::read() takes.
class RecordedSys {
 public:
  explicit RecordedSys(const std::string& recording)
      : descriptor_(memfd_create("machine", MFD_CLOEXEC)) {
    const auto size = static_cast<ssize_t>(recording.size());
    if (pwrite(descriptor_, recording.data(), recording.size(), 0) != size)
      fail_with("a made-up machine could not be written to memory: is there some left?");
  }
  ~RecordedSys() { close(descriptor_); }
  RecordedSys(const RecordedSys&) = delete;
  RecordedSys& operator=(const RecordedSys&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// The map of what `allowed` leaves of a machine.
inline Topology map_of(const Machine& machine, const CpuSet& allowed) {
  const RecordedSys sys(recording_of(machine));
  auto map = Topology::read(sys.path(), allowed);
  if (!map) fail_with("a made-up machine could not be read: " + map.error());
  return std::move(*map);
}
inline Topology map_of(const Machine& machine) {
  return map_of(machine, cpus_of(machine));
}

/// At most two of everything, and at most four cores below a cache.
inline Machine any_machine(Run& run) {
  Machine machine;
  machine.packages = run.size(1, 2);
  machine.nodes = run.size(1, 2);
  machine.caches = run.size(1, 2);
  machine.cores = run.size(1, 4);
  machine.threads = run.size(1, 2);
  machine.side_by_side = run.chance(50);
  return machine;
}

/// Of the machine's CPUs some are missing, never all.
inline CpuSet any_cpuset(Run& run, const Machine& machine) {
  CpuSet allowed = cpus_of(machine);
  const unsigned missing = run.size(0, machine.cpus() - 1);
  for (unsigned i = 0; i < missing; ++i) {
    unsigned cpu = allowed.next(0);
    for (auto nth = run.random(allowed.count()); nth != 0; --nth) cpu = allowed.next(cpu + 1);
    allowed.remove(cpu);
  }
  return allowed;
}

inline CpuSet all_of(const Topology& map) {
  CpuSet all;
  for (const Cpu& cpu : map.cpus()) all.add(cpu.id);
  return all;
}

/// See machine_in_words().
inline std::string in_words(const std::vector<Cpu>& cpus) {
  std::vector<CpuPlace> places;
  places.reserve(cpus.size());
  for (const Cpu& cpu : cpus)
    places.push_back({cpu.package, cpu.node, cpu.cache, cpu.core, cpu.id});
  return machine_in_words(std::move(places));
}
inline std::string in_words(const Topology& map) {
  return in_words(std::vector<Cpu>(map.cpus().begin(), map.cpus().end()));
}

}  // namespace percore::check
