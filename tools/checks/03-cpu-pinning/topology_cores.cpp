// 03.4 topology, step cores: which CPUs there are, and which share a core and a package.

#include "topology_support.hpp"

using namespace checks;

namespace {

const std::initializer_list<Field> cores{
    {"package", &Cpu::package}, {"core", &Cpu::core}, {"thread", &Cpu::thread}};

}  // namespace

PERCORE_CHECK("cores", the_cores_of_a_whole_machine, "M2",
              "CPUs that share a core or a package have its number in common", the_cores,
              .seeds = 80, .ring = false) {
  const Machine machine = any_machine(run);
  expect_same(read(recording_of(machine), cpus_of(machine)), right_map(machine, cpus_of(machine)),
              cores, "core_cpus_list and package_cpus_list say who shares them");
}

PERCORE_CHECK("cores", what_is_allowed_and_no_other, "M1",
              "the map holds the CPUs that are online and allowed, and no other", the_allowed,
              .ring = false) {
  const Machine machine = any_machine(run);
  const CpuSet allowed = any_cpuset(run, machine);
  CpuSet more = allowed;  // allowed, and not there
  more.add(machine.cpus() + 1);
  more.add(cpus_max - 1);
  expect_same(read(recording_of(machine), more), right_map(machine, allowed), cores,
              "numbers count from 0 over the map; thread counts the core's lower CPUs, also those "
              "that may not be used");
}

PERCORE_CHECK("cores", a_core_that_is_not_told_is_alone, "M3",
              "what a machine does not tell never makes reading fail", the_allowed, .seeds = 40,
              .ring = false) {
  Machine machine = any_machine(run);
  machine.threads = 1;
  const std::string recording = recording_of(machine);
  const auto right = right_map(machine, cpus_of(machine));
  expect_same(read(without(recording, "core_cpus_list"), cpus_of(machine)), right, cores,
              "a CPU without core_cpus_list is a core of its own");
  machine.packages = 1;
  expect_same(read(without(recording_of(machine), "package_cpus_list"), cpus_of(machine)),
              right_map(machine, cpus_of(machine)), cores,
              "a CPU without package_cpus_list lies in one package with all that are online");
}

PERCORE_CHECK("cores", a_list_that_lacks_its_cpu_is_none, "M3",
              "what a machine does not tell never makes reading fail", the_allowed, .seeds = 1,
              .ring = false) {
  const Machine machine{.cores = 3};
  std::string recording = without(recording_of(machine), "cpu1/topology");
  recording += "devices/system/cpu/cpu1/topology/core_cpus_list=2\n";
  recording += "devices/system/cpu/cpu1/topology/package_cpus_list=x\n";
  expect_same(read(recording, cpus_of(machine)), right_map(machine, cpus_of(machine)), cores,
              "a list that lacks its CPU, or means nothing, is as good as none");
}

PERCORE_CHECK("cores", what_cannot_be_read_is_told, "M1", "an error is one sentence", the_allowed,
              .seeds = 1, .ring = false) {
  const auto nowhere = Topology::read("/nonexistent", cpus_of({}));
  require(!nowhere.has_value(), "a machine was read from /nonexistent, with {} CPUs",
          nowhere ? nowhere->cpus().size() : 0);
  require(nowhere.error().find("devices/system/cpu/online") != std::string::npos,
          "/nonexistent was refused with \"{}\", which does not name devices/system/cpu/online",
          nowhere.error());
  CpuSet elsewhere;
  elsewhere.add(100);
  const RecordedSys four(recording_of({.cores = 4}));
  const auto none = Topology::read(four.path(), elsewhere);
  require(!none.has_value(), "CPU 100 is allowed and 0-3 are online, and a map was made of {} CPUs",
          none ? none->cpus().size() : 0);
  require(none.error().find("100") != std::string::npos &&
              none.error().find("0-3") != std::string::npos,
          "CPU 100 is allowed and 0-3 are online, and \"{}\" does not say both", none.error());
}
