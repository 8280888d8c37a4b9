#include <percore/topology.hpp>

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

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

// Numbers groups of CPUs from 0, each by the lowest CPU that it has in the whole machine.
class Numbering {
 public:
  unsigned of(const CpuSet& group) {
    const unsigned next_number = static_cast<unsigned>(numbers_.size());
    return numbers_.emplace(group.next(0), next_number).first->second;
  }

 private:
  std::map<unsigned, unsigned> numbers_;
};

// ------------------------------------------------------------------------ cores

CpuSet core_of(const SysTree& sys, unsigned cpu) {
  const auto told = sys.cpus(cpu_file(cpu, "topology/core_cpus_list"));
  if (told && told->contains(cpu)) return *told;
  CpuSet alone;
  alone.add(cpu);
  return alone;
}

CpuSet package_of(const SysTree& sys, unsigned cpu, const CpuSet& online) {
  const auto told = sys.cpus(cpu_file(cpu, "topology/package_cpus_list"));
  return told && told->contains(cpu) ? *told : online;
}

unsigned thread_of(const CpuSet& core, unsigned cpu) {
  unsigned thread = 0;
  for (unsigned other = core.next(0); other < cpu; other = core.next(other + 1)) ++thread;
  return thread;
}

// ------------------------------------------------------------------------ around

CpuSet node_of(const SysTree& sys, unsigned cpu, const CpuSet& online) {
  const CpuSet nodes = sys.cpus("devices/system/node/online").value_or(CpuSet());
  for (unsigned node = nodes.next(0); node != cpus_max; node = nodes.next(node + 1)) {
    const auto told = sys.cpus("devices/system/node/node" + std::to_string(node) + "/cpulist");
    if (told && told->contains(cpu)) return *told;
  }
  return online;
}

CpuSet last_level_cache_of(const SysTree& sys, unsigned cpu, const CpuSet& package) {
  CpuSet last = package;
  int last_level = 0;
  for (unsigned index = 0;; ++index) {
    const std::string folder = cpu_file(cpu, "cache/index" + std::to_string(index) + "/");
    const auto level_text = sys.text(folder + "level");
    if (!level_text) return last;
    const int level = std::atoi(level_text->c_str());
    const auto told = sys.cpus(folder + "shared_cpu_list");
    const bool instructions = sys.text(folder + "type") == "Instruction";
    if (instructions || level <= last_level || !told || !told->contains(cpu)) continue;
    last_level = level;
    last = *told;
  }
}

int capacity_of(const SysTree& sys, unsigned cpu) {
  const auto text = sys.text(cpu_file(cpu, "cpu_capacity"));
  return text ? std::atoi(text->c_str()) : 0;
}

CpuSet efficiency_cpus(const SysTree& sys, const CpuSet& online) {
  if (const auto told = sys.cpus("devices/cpu_atom/cpus")) return *told;
  int most = 0;
  for (unsigned cpu = online.next(0); cpu != cpus_max; cpu = online.next(cpu + 1))
    most = std::max(most, capacity_of(sys, cpu));
  CpuSet slow;
  for (unsigned cpu = online.next(0); cpu != cpus_max; cpu = online.next(cpu + 1)) {
    const int capacity = capacity_of(sys, cpu);
    if (capacity != 0 && capacity < most) slow.add(cpu);
  }
  return slow;
}

}  // namespace

std::expected<Topology, std::string> Topology::read(const std::string& root,
                                                    const CpuSet& allowed) {
  const SysTree sys(root);
  const auto online = sys.cpus("devices/system/cpu/online");
  if (!online)
    return std::unexpected("the CPUs cannot be read from " + root + "/devices/system/cpu/online");
  const CpuSet usable = *online & allowed;
  if (usable.empty()) {
    return std::unexpected("none of the allowed CPUs (" + allowed.to_list() +
                           ") is online: online are " + online->to_list());
  }
  const CpuSet slow = efficiency_cpus(sys, *online);
  Numbering packages, nodes, caches, cores;
  std::vector<Cpu> cpus;
  for (unsigned id = usable.next(0); id != cpus_max; id = usable.next(id + 1)) {
    const CpuSet package = package_of(sys, id, *online);
    const CpuSet core = core_of(sys, id);
    cpus.push_back({.id = id,
                    .package = packages.of(package),
                    .node = nodes.of(node_of(sys, id, *online)),
                    .cache = caches.of(last_level_cache_of(sys, id, package)),
                    .core = cores.of(core),
                    .thread = thread_of(core, id),
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
