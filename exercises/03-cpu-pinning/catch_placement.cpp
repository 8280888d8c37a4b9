#include <percore/check_machine.hpp>
#include <percore/placement.hpp>
#include <vector>

// Exercise 03.6, kind: catch. Your checks are linked with our module placement, which must pass all
// of them, and with modules that each have one thing wrong, which at least one check must reject.
//
//   percore::check::any_machine(run)            a machine, drawn from the seed: .packages .nodes
//                                               .caches .cores .threads
//   percore::check::map_of(machine)             its map; with any_cpuset(run, machine) as a second
//                                               argument, of what a cpuset leaves of it
//   percore::check::in_words(map)               "{<[(0,4)(1,5)]>}", for your sentences
//   run.size(low, high)                         a number, drawn from the seed
//   percore::check::require(held, "sentence with the numbers {}", number)
//
// Each Cpu of map.cpus() says its id, package, node, cache and core. All count over the whole
// machine, so two cores never have the same number.

PERCORE_CHECK("", two_executors_get_two_places, "A1", "each executor gets a set of CPUs",
              "Lesson 03, *The request*", .ring = false) {
  const percore::Topology map = percore::check::map_of({.cores = 4, .threads = 1});
  const percore::Places places = place_spread(map, 2);
  percore::check::require(places.has_value() && places->size() == 2,
                          "two executors did not get two places on {}",
                          percore::check::in_words(map));
}

// TODO: two executors on a small machine go well with all of them. Write checks for A1 to A5.
