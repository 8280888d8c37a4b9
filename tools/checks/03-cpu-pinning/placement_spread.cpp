// 03.5 placement, step spread: as far apart as can be, on whole machines and on what a cpuset
// leaves.

#include "placement_support.hpp"

using namespace checks;

PERCORE_CHECK("spread", each_has_a_cpu_of_its_own, "A2",
              "each set is one CPU, and no CPU is given twice", the_spread, .seeds = 30,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t all = map.cpus().size();
  const std::size_t count = std::min<std::size_t>(run.size(0, 16), all);
  expect_one_each(map, place_spread(map, count), count);
  expect_one_each(map, place_spread(map, all), all);
}

PERCORE_CHECK("spread", whole_machines_are_spread_over, "A3",
              "the executors are shared out evenly at each level, cores first", the_spread,
              .seeds = 40, .ring = false) {
  const Topology map = map_of(any_machine(run));
  const std::size_t count = std::min<std::size_t>(run.size(1, 20), map.cpus().size());
  expect_spread(map, expect_one_each(map, place_spread(map, count), count));
}

PERCORE_CHECK("spread", what_a_cpuset_leaves_is_spread_over, "A3",
              "a part has two more than another only where that one has no room", the_spread,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t count = std::min<std::size_t>(run.size(1, 20), map.cpus().size());
  expect_spread(map, expect_one_each(map, place_spread(map, count), count));
}

PERCORE_CHECK("spread", too_few_cpus_is_an_error, "A5",
              "too few CPUs is an error that says how many there are", the_spread, .seeds = 20,
              .ring = false) {
  const Machine machine = any_machine(run);
  const Topology map = map_of(machine, any_cpuset(run, machine));
  const std::size_t count = map.cpus().size() + run.size(1, 3);
  expect_too_few(map, place_spread(map, count), count);
}
