#include <percore/topology.hpp>

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <sstream>

namespace percore {
namespace {

// The files of a sysfs: below a folder, or out of a recording, which has a line `path=content` for
// each.
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

// Numbers groups of CPUs from 0, each by the lowest CPU it has.
class Numbering {
 public:
  unsigned of(unsigned lowest_cpu) {
    return numbers_.emplace(lowest_cpu, static_cast<unsigned>(numbers_.size())).first->second;
  }

 private:
  std::map<unsigned, unsigned> numbers_;
};

std::string cpu_folder(unsigned cpu) {
  return "devices/system/cpu/cpu" + std::to_string(cpu) + "/";
}

CpuSet alone(unsigned cpu) {
  CpuSet set;
  set.add(cpu);
  return set;
}

// Newer kernels call them core_cpus and package_cpus (5.x); the older names are kept beside them.
CpuSet core_of(const SysTree& sys, unsigned cpu) {
  const std::string folder = cpu_folder(cpu) + "topology/";
  if (const auto set = sys.cpus(folder + "core_cpus_list"); set && set->contains(cpu)) return *set;
  if (const auto set = sys.cpus(folder + "thread_siblings_list"); set && set->contains(cpu))
    return *set;
  return alone(cpu);
}

CpuSet package_of(const SysTree& sys, unsigned cpu, const CpuSet& online) {
  const std::string folder = cpu_folder(cpu) + "topology/";
  if (const auto set = sys.cpus(folder + "package_cpus_list"); set && set->contains(cpu))
    return *set;
  if (const auto set = sys.cpus(folder + "core_siblings_list"); set && set->contains(cpu))
    return *set;
  return online;
}

CpuSet node_of(const SysTree& sys, unsigned cpu, const CpuSet& nodes, const CpuSet& online) {
  for (unsigned node = nodes.next(0); node != cpus_max; node = nodes.next(node + 1)) {
    const auto set = sys.cpus("devices/system/node/node" + std::to_string(node) + "/cpulist");
    if (set && set->contains(cpu)) return *set;
  }
  return online;
}

// The cache of the highest level that holds data.
std::optional<CpuSet> last_level_cache_of(const SysTree& sys, unsigned cpu) {
  std::optional<CpuSet> best;
  int best_level = 0;
  for (unsigned index = 0;; ++index) {
    const std::string folder = cpu_folder(cpu) + "cache/index" + std::to_string(index) + "/";
    const auto level = sys.text(folder + "level");
    if (!level) return best;
    if (sys.text(folder + "type") == "Instruction") continue;
    const auto set = sys.cpus(folder + "shared_cpu_list");
    if (!set || !set->contains(cpu) || std::atoi(level->c_str()) <= best_level) continue;
    best_level = std::atoi(level->c_str());
    best = *set;
  }
}

// Intel's hybrid chips list their slow cores at the slow cores' event counters; elsewhere, Arm
// above all, each CPU has a capacity of at most 1024, and the fastest have most.
CpuSet efficiency_cpus(const SysTree& sys, const CpuSet& online) {
  if (const auto atoms = sys.cpus("devices/cpu_atom/cpus")) return *atoms;
  std::map<unsigned, int> capacities;
  int most = 0;
  for (unsigned cpu = online.next(0); cpu != cpus_max; cpu = online.next(cpu + 1)) {
    const auto text = sys.text(cpu_folder(cpu) + "cpu_capacity");
    const int capacity = text ? std::atoi(text->c_str()) : 0;
    capacities[cpu] = capacity;
    most = std::max(most, capacity);
  }
  CpuSet slow;
  for (const auto& [cpu, capacity] : capacities)
    if (capacity != 0 && capacity < most) slow.add(cpu);
  return slow;
}

}  // namespace

std::expected<Topology, std::string> Topology::read(const std::string& root,
                                                    const CpuSet& allowed) {
  const SysTree sys(root);
  const auto online = sys.cpus("devices/system/cpu/online");
  if (!online) {
    return std::unexpected(root +
                           "/devices/system/cpu/online, which lists the CPUs, cannot be "
                           "read: is sysfs mounted there (mount -t sysfs sysfs /sys)?");
  }
  const CpuSet usable = *online & allowed;
  if (usable.empty()) {
    return std::unexpected("none of the allowed CPUs (" + allowed.to_list() +
                           ") is online: online are " + online->to_list());
  }
  const CpuSet nodes = sys.cpus("devices/system/node/online").value_or(CpuSet());
  const CpuSet slow = efficiency_cpus(sys, *online);
  Numbering packages, node_numbers, caches, cores;
  std::vector<Cpu> cpus;
  for (unsigned id = usable.next(0); id != cpus_max; id = usable.next(id + 1)) {
    const CpuSet core = core_of(sys, id);
    const CpuSet package = package_of(sys, id, *online);
    const CpuSet cache = last_level_cache_of(sys, id).value_or(package);
    unsigned thread = 0;
    for (unsigned other = core.next(0); other < id; other = core.next(other + 1)) ++thread;
    cpus.push_back({.id = id,
                    .package = packages.of(package.next(0)),
                    .node = node_numbers.of(node_of(sys, id, nodes, *online).next(0)),
                    .cache = caches.of(cache.next(0)),
                    .core = cores.of(core.next(0)),
                    .thread = thread,
                    .kind = slow.contains(id) ? CpuKind::efficiency : CpuKind::performance});
  }
  return Topology(std::move(cpus));
}

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
