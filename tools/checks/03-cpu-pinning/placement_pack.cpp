// 03.5 placement, step pack: as close together as can be, on whole machines and on what a cpuset
// leaves.

#include "placement_support.hpp"

using namespace checks;

PERCORE_CHECK("pack", each_has_a_cpu_of_its_own, "A2",
              "each set is one CPU, and no CPU is given twice", the_pack, .seeds = 30,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t all = map.cpus().size();
  const std::size_t count = std::min<std::size_t>(run.size(0, 16), all);
  expect_one_each(map, place_pack(map, count), count);
  expect_one_each(map, place_pack(map, all), all);
}

PERCORE_CHECK("pack", whole_machines_are_packed, "A4",
              "the executors lie in as few packages, nodes, caches and cores as can hold them",
              the_pack, .seeds = 40, .ring = false) {
  const Topology map = map_of(any_machine(run));
  const std::size_t count = std::min<std::size_t>(run.size(1, 20), map.cpus().size());
  expect_packed(map, expect_one_each(map, place_pack(map, count), count));
}

PERCORE_CHECK("pack", what_a_cpuset_leaves_is_packed, "A4",
              "as few parts as can hold them, also where the parts are unequal", the_pack,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t count = std::min<std::size_t>(run.size(1, 20), map.cpus().size());
  expect_packed(map, expect_one_each(map, place_pack(map, count), count));
}

PERCORE_CHECK("pack", too_few_cpus_is_an_error, "A5",
              "too few CPUs is an error that says how many there are", the_pack, .seeds = 20,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t count = map.cpus().size() + run.size(1, 3);
  expect_too_few(map, place_pack(map, count), count);
}
