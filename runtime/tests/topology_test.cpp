#include <doctest/doctest.h>

#include <sched.h>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <percore/topology.hpp>
#include <set>
#include <string>
#include <thread>

#include "recorded.hpp"

using namespace percore;
using percore::test::list;
using percore::test::recorded;

namespace {

std::size_t different(const Topology& topology, unsigned Cpu::* what) {
  std::set<unsigned> seen;
  for (const Cpu& cpu : topology.cpus()) seen.insert(cpu.*what);
  CHECK(*seen.rbegin() == seen.size() - 1);  // numbered from 0 without gaps
  return seen.size();
}

}  // namespace

TEST_CASE("a laptop: two threads a core, one of everything else") {
  const Topology laptop = recorded("laptop");
  REQUIRE(laptop.cpus().size() == 8);
  CHECK(different(laptop, &Cpu::core) == 4);
  CHECK(different(laptop, &Cpu::package) == 1);
  CHECK(different(laptop, &Cpu::node) == 1);
  CHECK(different(laptop, &Cpu::cache) == 1);
  CHECK(laptop.cpus()[1].core == laptop.cpus()[5].core);
  CHECK(laptop.cpus()[1].thread == 0);
  CHECK(laptop.cpus()[5].thread == 1);
  for (const Cpu& cpu : laptop.cpus()) CHECK(cpu.kind == CpuKind::performance);
}

TEST_CASE("a server: the kernel repeats core numbers in each package, the map does not") {
  const Topology server = recorded("server");
  REQUIRE(server.cpus().size() == 32);
  CHECK(different(server, &Cpu::package) == 2);
  CHECK(different(server, &Cpu::node) == 2);
  CHECK(different(server, &Cpu::cache) == 4);
  CHECK(different(server, &Cpu::core) == 16);
  CHECK(server.cpus()[0].core == server.cpus()[16].core);
  CHECK(server.cpus()[0].core != server.cpus()[8].core);
  CHECK(server.cpus()[7].cache == server.cpus()[23].cache);
  CHECK(server.cpus()[3].cache != server.cpus()[4].cache);
}

TEST_CASE("efficiency cores are told apart") {
  const Topology hybrid = recorded("hybrid");
  REQUIRE(hybrid.cpus().size() == 16);
  CHECK(different(hybrid, &Cpu::core) == 12);
  for (const Cpu& cpu : hybrid.cpus()) CHECK((cpu.kind == CpuKind::efficiency) == (cpu.id >= 8));
}

TEST_CASE("a container has only what it is allowed, and what is not told encloses it") {
  const Topology container = recorded("container", "8-11,40");
  REQUIRE(container.cpus().size() == 5);
  CHECK(container.cpus()[0].id == 8);
  CHECK(different(container, &Cpu::core) == 4);  // 8 and 40 are threads of one core
  CHECK(container.cpus()[4].thread == 1);
  CHECK(different(container, &Cpu::cache) == 1);
  CHECK(different(container, &Cpu::node) == 1);
  const Topology both = recorded("container", "0,16");
  CHECK(different(both, &Cpu::package) == 2);
  CHECK(different(both, &Cpu::cache) == 2);  // no cache folders: the package stands for it
}

TEST_CASE("Arm tells slow cores by their capacity") {
  const std::string path = std::filesystem::temp_directory_path() / "percore-topology-test.sysfs";
  {
    std::ofstream file(path);
    file << "devices/system/cpu/online=0-3\n";
    for (int cpu = 0; cpu < 4; ++cpu)
      file << "devices/system/cpu/cpu" << cpu << "/cpu_capacity=" << (cpu < 2 ? 446 : 1024) << "\n";
  }
  const auto read = Topology::read(path, list("0-3"));
  std::filesystem::remove(path);
  REQUIRE(read.has_value());
  CHECK(read->cpus()[1].kind == CpuKind::efficiency);
  CHECK(read->cpus()[2].kind == CpuKind::performance);
  CHECK(different(*read, &Cpu::core) == 4);
}

TEST_CASE("what cannot be read is told in a sentence") {
  const auto nowhere = Topology::read("/nonexistent", list("0"));
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().find("/nonexistent/devices/system/cpu/online") != std::string::npos);
  const auto offline =
      Topology::read(std::string(PERCORE_TOPOLOGIES) + "/laptop.sysfs", list("100-101"));
  REQUIRE_FALSE(offline.has_value());
  CHECK(offline.error().find("100-101") != std::string::npos);
}

TEST_CASE("this machine's map holds what this thread may use") {
  const auto here = Topology::of_this_machine();
  REQUIRE_MESSAGE(here.has_value(), (here ? "" : here.error()));
  const auto allowed = allowed_cpus();
  REQUIRE(allowed.has_value());
  CHECK(here->cpus().size() == allowed->count());
  // A thread that allows itself one CPU sees a machine of one.
  std::thread([&] {
    const unsigned only = allowed->next(0);
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(only, &mask);
    REQUIRE(sched_setaffinity(0, sizeof mask, &mask) == 0);
    const auto narrow = Topology::of_this_machine();
    REQUIRE(narrow.has_value());
    REQUIRE(narrow->cpus().size() == 1);
    CHECK(narrow->cpus()[0].id == only);
  }).join();
}
