#include <percore/topology.hpp>

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

// The map of a machine, out of its /sys. Two steps: "cores" finds which CPUs there are and which of
// them share a core and a package; "around" finds what lies around a core: caches, memory, kind.
//
// What the kernel says, below devices/system/:
//   cpu/online                                "0-7"
//   cpu/cpuN/topology/core_cpus_list          the CPUs of N's core, N among them
//   cpu/cpuN/topology/package_cpus_list       the CPUs of N's package
//   cpu/cpuN/cache/indexI/level               1, 2, 3; the folders count from index0, without gaps
//   cpu/cpuN/cache/indexI/type                Data, Instruction or Unified
//   cpu/cpuN/cache/indexI/shared_cpu_list     who shares this cache
//   node/online, node/nodeM/cpulist           the nodes, and the CPUs near each
//   cpu/cpuN/cpu_capacity                     how fast N is, where CPUs differ (Arm)
// and below devices/:
//   cpu_atom/cpus                             the efficiency CPUs of an Intel hybrid chip

namespace percore {
namespace {

// The files of a sysfs: below a folder, or out of a recording, which has a line `path=content` for
// each. text() and cpus() give nothing where a file is not there or means nothing.
class SysTree {
 public:
  explicit SysTree(const std::string& root) : root_(root) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(root, ignored)) return;
    recorded_.emplace();
    std::ifstream file(root);
    for (std::string line; std::getline(file, line);) {
      if (const std::size_t equals = line.find('='); equals != line.npos)
        recorded_->emplace(line.substr(0, equals), line.substr(equals + 1));
    }
  }

  std::optional<std::string> text(const std::string& path) const {
    if (recorded_) {
      const auto found = recorded_->find(path);
      return found == recorded_->end() ? std::nullopt : std::optional(found->second);
    }
    std::ifstream file(root_ + "/" + path);
    std::string line;
    if (!file || !std::getline(file, line)) return std::nullopt;
    return line;
  }

  std::optional<CpuSet> cpus(const std::string& path) const {
    const auto list = text(path);
    if (!list) return std::nullopt;
    const auto set = CpuSet::parse(*list);
    return set ? std::optional(*set) : std::nullopt;
  }

 private:
  std::string root_;
  std::optional<std::map<std::string, std::string>> recorded_;
};

std::string cpu_file(unsigned cpu, const std::string& name) {
  return "devices/system/cpu/cpu" + std::to_string(cpu) + "/" + name;
}

}  // namespace

std::expected<Topology, std::string> Topology::read(const std::string& root,
                                                    const CpuSet& allowed) {
  const SysTree sys(root);
  // TODO cores (M1, M2): a Cpu for each CPU that is online and allowed, ascending, with its
  // package, core and thread.
  //   - Numbers count from 0 over the map, in the order of the lowest CPU that has them.
  //   - thread is how many lower CPUs its core has, whether or not they may be used.
  //   - A CPU without core_cpus_list is a core of its own; one without package_cpus_list lies in a
  //     package with all that are online (M3). So is one whose list lacks it.
  //   - online cannot be read, or none that is allowed is online: std::unexpected(sentence), which
  //     names the file, or both lists.
  //
  // TODO around (M2, M3): node, cache and kind.
  //   - cache: who shares the data cache of the highest level; the package where none is told.
  //   - node: the CPUs of the node that has this one; all that are online where none is told.
  //   - kind: efficiency for the CPUs of cpu_atom/cpus; where there is no such file, for those
  //     whose cpu_capacity is known and less than the most.
  std::vector<Cpu> cpus;
  static_cast<void>(cpu_file(0, ""));
  static_cast<void>(allowed);
  return Topology(std::move(cpus));
}

// ------------------------------------------------------------------------- Done

std::expected<Topology, std::string> Topology::of_this_machine() {
  const auto allowed = allowed_cpus();
  if (!allowed) return std::unexpected(allowed.error());
  return read("/sys", *allowed);
}

std::expected<CpuSet, std::string> allowed_cpus() {
  // The kernel's mask may be longer than cpu_set_t's 1,024 CPUs.
  constexpr std::size_t size_bytes = CPU_ALLOC_SIZE(cpus_max);
  alignas(cpu_set_t) unsigned char memory[size_bytes] = {};
  auto* const mask = reinterpret_cast<cpu_set_t*>(memory);
  if (sched_getaffinity(0, size_bytes, mask) != 0) {
    return std::unexpected(std::string("the CPUs that this thread may use cannot be asked for "
                                       "(sched_getaffinity): ") +
                           std::strerror(errno));
  }
  CpuSet set;
  for (unsigned cpu = 0; cpu < cpus_max; ++cpu)
    if (CPU_ISSET_S(cpu, size_bytes, mask)) set.add(cpu);
  return set;
}

}  // namespace percore
