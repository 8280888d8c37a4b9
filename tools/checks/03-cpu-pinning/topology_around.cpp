// 03.4 topology, step around: caches, memory, and the kind of a core.

#include "topology_support.hpp"

using namespace checks;

namespace {

const std::initializer_list<Field> around{{"node", &Cpu::node}, {"cache", &Cpu::cache}};

/// Other caches than the last one, in front of it or behind it: of first levels, of instructions.
std::string with_first_caches(Run& run, const Machine& machine) {
  std::string recording = without(recording_of(machine), "/cache/");
  for (unsigned core = 0; core < machine.all_cores(); ++core) {
    const std::string own = cpus_of(machine, core, 1).to_list();
    const std::string last =
        cpus_of(machine, core / machine.cores * machine.cores, machine.cores).to_list();
    const std::string all = cpus_of(machine).to_list();
    struct Cache {
      const char* level;
      const char* type;
      std::string shared;
    };
    std::vector<Cache> caches{{"1", "Data", own},
                              {"1", "Instruction", own},
                              {"2", "Unified", own},
                              {"3", "Unified", last},
                              {"4", "Instruction", all}};
    if (run.chance(50)) std::swap(caches[0], caches[3]);
    if (run.chance(50)) std::swap(caches[1], caches[4]);
    for (unsigned thread = 0; thread < machine.threads; ++thread) {
      for (std::size_t index = 0; index < caches.size(); ++index) {
        const std::string folder = "devices/system/cpu/cpu" +
                                   std::to_string(machine.cpu(core, thread)) + "/cache/index" +
                                   std::to_string(index) + "/";
        recording += folder + "level=" + caches[index].level + "\n" + folder +
                     "type=" + caches[index].type + "\n" + folder +
                     "shared_cpu_list=" + caches[index].shared + "\n";
      }
    }
  }
  return recording;
}

void expect_kinds(const Topology& map, const CpuSet& slow, const char* why) {
  const std::string on = in_words(map);
  for (const Cpu& cpu : map.cpus())
    require((cpu.kind == CpuKind::efficiency) == slow.contains(cpu.id),
            "CPU {} of {} is an {} CPU, and the map says the other: {}", cpu.id, on,
            slow.contains(cpu.id) ? "efficiency" : "performance", why);
}

}  // namespace

PERCORE_CHECK("around", who_shares_a_cache_and_a_node, "M2",
              "CPUs that share a last-level cache or a node have its number in common", the_memory,
              .ring = false) {
  const Machine machine = any_machine(run);
  const CpuSet allowed = any_cpuset(run, machine);
  expect_same(read(recording_of(machine), allowed), right_map(machine, allowed), around,
              "shared_cpu_list and node*/cpulist say who shares them");
}

PERCORE_CHECK("around", the_last_level_that_holds_data, "M2",
              "the last-level cache is the one with the highest level that holds data", the_memory,
              .seeds = 60, .ring = false) {
  const Machine machine = any_machine(run);
  expect_same(read(with_first_caches(run, machine), cpus_of(machine)),
              right_map(machine, cpus_of(machine)), around,
              "of the caches that hold data, the one with the highest level counts, in whatever "
              "order they come");
}

PERCORE_CHECK("around", what_is_not_told_is_enclosed, "M3",
              "what a machine does not tell is filled in by what encloses it", the_allowed,
              .seeds = 60, .ring = false) {
  Machine machine = any_machine(run);
  machine.nodes = machine.caches = 1;
  const CpuSet allowed = any_cpuset(run, machine);
  expect_same(read(without(recording_of(machine), "/cache/"), allowed), right_map(machine, allowed),
              {{"cache", &Cpu::cache}}, "without cache folders the package counts as one cache");
  machine.packages = 1;
  const CpuSet of_one = any_cpuset(run, machine);
  expect_same(read(without(recording_of(machine), "/node/"), of_one), right_map(machine, of_one),
              around, "without nodes the machine is one");
}

PERCORE_CHECK("around", slow_cores_are_told_apart, "M2", "efficiency cores are told apart",
              the_cores, .seeds = 60, .ring = false) {
  const Machine machine{.cores = run.size(1, 6)};
  const unsigned fast = static_cast<unsigned>(run.random(machine.cores));
  CpuSet slow;
  for (unsigned cpu = fast + 1; cpu < machine.cores; ++cpu) slow.add(cpu);
  const std::string plain = recording_of(machine);
  expect_kinds(read(plain, cpus_of(machine)), {}, "nothing says that it is slow");
  expect_kinds(read(plain + "devices/cpu_atom/cpus=" + slow.to_list() + "\n", cpus_of(machine)),
               slow, "cpu_atom/cpus lists the slow ones");
  std::string capacities = plain;
  for (unsigned cpu = 0; cpu < machine.cores; ++cpu) {
    if (cpu == 0 && fast != 0) continue;  // of one it is not known: it is not slow for that
    capacities += "devices/system/cpu/cpu" + std::to_string(cpu) +
                  "/cpu_capacity=" + (slow.contains(cpu) ? "446" : "1024") + "\n";
  }
  expect_kinds(read(capacities, cpus_of(machine)), slow,
               "the most cpu_capacity is fast, less is slow");
  // The fast ones are not ours; the others are slow all the same.
  if (!slow.empty())
    expect_kinds(read(capacities, slow), slow,
                 "the most cpu_capacity of the machine counts, not of what may be used");
}
