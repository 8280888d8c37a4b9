// The classic mistakes with a machine's map, made on purpose on recorded machines.
#include "map_sabotage.hpp"

#include <fstream>
#include <map>
#include <percore/placement.hpp>
#include <set>
#include <vector>

#include <fmt/core.h>

#include "map_picture.hpp"

namespace lesson {
namespace {

using percore::Cpu;
using percore::CpuSet;
using percore::Topology;

std::string recording_of(const std::string& name) {
  return std::string(PERCORE_RECORDINGS) + "/" + name + ".sysfs";
}

Topology recorded(const std::string& name, const char* allowed = "0-8191") {
  return Topology::read(recording_of(name), CpuSet::parse(allowed).value()).value();
}

// The mistake: CPUs 0, 1, 2, ... are taken to be different cores, as many as are wanted.
void threads_for_cores() {
  const Topology map = recorded("hybrid");
  fmt::print("a hybrid laptop; four executors on the CPUs 0 to 3, \"one a core\"\n\n");
  std::map<unsigned, std::string> marks;
  std::set<unsigned> cores;
  for (unsigned executor = 0; executor < 4; ++executor) {
    const Cpu& cpu = map.cpus()[executor];
    marks[cpu.id] = fmt::format("e{}", executor);
    cores.insert(cpu.core);
  }
  fmt::print("{}\n", picture_of(map, marks));
  fmt::print("4 executors, {} cores: two and two of them share one core's units and first caches\n",
             cores.size());
  fmt::print(
      "\nWhat happened: a CPU is a thread of a core, and a core has two of them here. The ten "
      "other "
      "cores are\n"
      "idle. This is A3: no core gets a second executor while another core has none.\n");
}

std::string file_of(const std::string& recording, unsigned cpu, const char* name) {
  const std::string wanted = fmt::format("devices/system/cpu/cpu{}/topology/{}=", cpu, name);
  std::ifstream file(recording_of(recording));
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(wanted)) return line.substr(wanted.size());
  return "";
}

// The mistake: core_id is a number within its package only.
void core_id() {
  const Topology map = recorded("server");
  std::set<std::string> by_core_id;
  std::set<unsigned> by_map;
  for (const Cpu& cpu : map.cpus()) {
    by_core_id.insert(file_of("server", cpu.id, "core_id"));
    by_map.insert(cpu.core);
  }
  fmt::print("a server of two packages; what its files say\n\n");
  fmt::print("            core_id   core_cpus_list\n");
  for (const unsigned cpu : {0u, 8u, 16u})
    fmt::print("  CPU {:<2}  {:>7}   {}\n", cpu, file_of("server", cpu, "core_id"),
               file_of("server", cpu, "core_cpus_list"));
  fmt::print("\ndifferent values of core_id: {}; cores of the machine: {}\n", by_core_id.size(),
             by_map.size());
  fmt::print(
      "\nWhat happened: core_id begins again in each package, so CPU 0 and CPU 8 look like threads "
      "of one core.\n"
      "Which CPUs share a core is in core_cpus_list. This is M2.\n");
}

// The mistake: a core is counted by its first thread, which this process may not be allowed to use.
void thread_zero() {
  const char* const allowed = "1,33,34,35";
  const Topology map = recorded("container", allowed);
  std::set<unsigned> cores;
  std::string first_threads;
  for (const Cpu& cpu : map.cpus()) {
    cores.insert(cpu.core);
    if (cpu.thread == 0) first_threads += fmt::format(" {}", cpu.id);
  }
  fmt::print("a container that may use the CPUs {} of 64\n\n{}\n", allowed, picture_of(map));
  fmt::print("cores: {}; CPUs that are the first thread of their core:{}\n", cores.size(),
             first_threads);
  fmt::print(
      "\nWhat happened: of two cores this process has the second thread only. They are cores all "
      "the same. Count\n"
      "different cores, not first threads: the map holds what this process may use (M1).\n");
}

}  // namespace

int sabotage_map(const std::string& name) {
  if (name == "threads-for-cores") threads_for_cores();
  if (name == "core-id") core_id();
  if (name == "thread-zero") thread_zero();
  return 0;
}

}  // namespace lesson
