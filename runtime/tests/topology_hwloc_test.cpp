// Our map beside hwloc's, of this machine and of each recorded one.
#if !PERCORE_HAVE_HWLOC

#include <cstdio>

int main() {
  std::puts(
      "skipped: hwloc is not installed (Debian: libhwloc-dev), so there is nothing to compare");
  return 77;
}

#else

#include <doctest/doctest.h>

#include <hwloc.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <percore/topology.hpp>
#include <string>

using namespace percore;

namespace {

// hwloc reads masks where we read lists: "00000000,0000000f" for 0-3.
std::string mask_of(const CpuSet& cpus) {
  std::string text;
  for (unsigned word = 4; word-- > 0;) {
    unsigned bits = 0;
    for (unsigned bit = 0; bit < 32; ++bit)
      if (cpus.contains(word * 32 + bit)) bits |= 1u << bit;
    char hex[10];
    std::snprintf(hex, sizeof hex, "%08x", bits);
    text += (text.empty() ? "" : ",") + std::string(hex);
  }
  return text;
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text << '\n';
}

// A recording as a folder that hwloc takes for a root, with the masks beside the lists.
class RecordedRoot {
 public:
  explicit RecordedRoot(const std::string& recording)
      : folder_(std::filesystem::temp_directory_path() /
                ("percore-hwloc-" + std::to_string(getpid()))) {
    const std::map<std::string, std::string> masks{{"core_cpus_list", "core_cpus"},
                                                   {"package_cpus_list", "package_cpus"},
                                                   {"shared_cpu_list", "shared_cpu_map"},
                                                   {"cpulist", "cpumap"}};
    std::ifstream file(recording);
    for (std::string line; std::getline(file, line);) {
      const std::size_t equals = line.find('=');
      if (equals == line.npos || line.starts_with('#')) continue;
      const std::filesystem::path path = folder_ / "sys" / line.substr(0, equals);
      write(path, line.substr(equals + 1));
      if (const auto mask = masks.find(path.filename()); mask != masks.end())
        write(path.parent_path() / mask->second,
              mask_of(CpuSet::parse(line.substr(equals + 1)).value()));
    }
    std::filesystem::create_directories(folder_ / "proc");
  }
  ~RecordedRoot() { std::filesystem::remove_all(folder_); }
  RecordedRoot(const RecordedRoot&) = delete;
  RecordedRoot& operator=(const RecordedRoot&) = delete;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

class Hwloc {
 public:
  explicit Hwloc(const char* root = nullptr) {
    if (root != nullptr) {
      setenv("HWLOC_FSROOT", root, 1);
      setenv("HWLOC_COMPONENTS", "linux,stop", 1);  // not this machine's own answers
      setenv("HWLOC_THISSYSTEM", "0", 1);
    }
    hwloc_topology_init(&topology_);
    hwloc_topology_set_all_types_filter(topology_, HWLOC_TYPE_FILTER_KEEP_ALL);
    hwloc_topology_set_io_types_filter(topology_, HWLOC_TYPE_FILTER_KEEP_NONE);
    REQUIRE(hwloc_topology_load(topology_) == 0);
    for (const char* name : {"HWLOC_FSROOT", "HWLOC_COMPONENTS", "HWLOC_THISSYSTEM"})
      unsetenv(name);
  }
  ~Hwloc() { hwloc_topology_destroy(topology_); }
  Hwloc(const Hwloc&) = delete;
  Hwloc& operator=(const Hwloc&) = delete;

  hwloc_topology_t get() const { return topology_; }
  hwloc_obj_t pu(unsigned cpu) const { return hwloc_get_pu_obj_by_os_index(topology_, cpu); }
  hwloc_obj_t ancestor(unsigned cpu, hwloc_obj_type_t type) const {
    return hwloc_get_ancestor_obj_by_type(topology_, type, pu(cpu));
  }
  // NUMA nodes hang beside the tree: the one whose CPUs hold this one.
  hwloc_obj_t node(unsigned cpu) const {
    hwloc_obj_t node = nullptr;
    while ((node = hwloc_get_next_obj_by_type(topology_, HWLOC_OBJ_NUMANODE, node)) != nullptr)
      if (hwloc_bitmap_isset(node->cpuset, cpu)) return node;
    return nullptr;
  }
  // The outermost data cache; where none is told, the package.
  hwloc_obj_t last_cache(unsigned cpu) const {
    hwloc_obj_t last = ancestor(cpu, HWLOC_OBJ_PACKAGE);
    for (hwloc_obj_t object = pu(cpu); object != nullptr; object = object->parent)
      if (hwloc_obj_type_is_dcache(object->type)) last = object;
    return last;
  }

 private:
  hwloc_topology_t topology_{};
};

// Numbers and objects must name the same groups: one object for each number, one number for each.
class SameGroups {
 public:
  void add(unsigned number, hwloc_obj_t object) {
    CHECK(object != nullptr);
    CHECK(objects_.emplace(number, object).first->second == object);
    CHECK(numbers_.emplace(object, number).first->second == number);
  }

 private:
  std::map<unsigned, hwloc_obj_t> objects_;
  std::map<hwloc_obj_t, unsigned> numbers_;
};

void compare(const Topology& ours, const Hwloc& theirs) {
  CHECK(ours.cpus().size() ==
        static_cast<std::size_t>(hwloc_get_nbobjs_by_type(theirs.get(), HWLOC_OBJ_PU)));
  SameGroups packages, nodes, caches, cores;
  for (const Cpu& cpu : ours.cpus()) {
    INFO("CPU ", cpu.id);
    REQUIRE(theirs.pu(cpu.id) != nullptr);
    packages.add(cpu.package, theirs.ancestor(cpu.id, HWLOC_OBJ_PACKAGE));
    nodes.add(cpu.node, theirs.node(cpu.id));
    caches.add(cpu.cache, theirs.last_cache(cpu.id));
    cores.add(cpu.core, theirs.ancestor(cpu.id, HWLOC_OBJ_CORE));
  }
}

}  // namespace

TEST_CASE("hwloc sees the same groups on the recorded machines") {
  for (const char* name : {"laptop", "server", "hybrid", "container"}) {
    INFO(name);
    const std::string recording = std::string(PERCORE_TOPOLOGIES) + "/" + name + ".sysfs";
    CpuSet all;
    for (unsigned cpu = 0; cpu < cpus_max; ++cpu) all.add(cpu);
    const RecordedRoot root(recording);
    compare(Topology::read(recording, all).value(), Hwloc(root.folder().c_str()));
    // And as a folder our reader, too, sees what it sees in the recording.
    const auto folder = Topology::read(root.folder() / "sys", all);
    REQUIRE(folder.has_value());
    const auto recorded = Topology::read(recording, all).value();
    REQUIRE(folder->cpus().size() == recorded.cpus().size());
    for (std::size_t i = 0; i < recorded.cpus().size(); ++i)
      CHECK(folder->cpus()[i] == recorded.cpus()[i]);
  }
}

TEST_CASE("hwloc sees the same groups on this machine") {
  compare(Topology::of_this_machine().value(), Hwloc());
}

#endif
