// 03.5 placement, once on the kernel's word: this machine, as far as this process may use it.

#include "placement_support.hpp"

using namespace checks;

PERCORE_CHECK("pack", this_machine_can_be_placed_on, "A3",
              "the executors are shared out evenly at each level, and packed into few parts",
              the_spread, .ring = false) {
  const auto map = Topology::of_this_machine();
  require(map.has_value(), "this machine's map cannot be read: {}",
          map ? std::string() : map.error());
  const std::size_t all = map->cpus().size();
  for (std::size_t count = 1; count <= all && count <= 16; ++count) {
    run.operation(count);
    expect_spread(*map, expect_one_each(*map, place_spread(*map, count), count));
    expect_packed(*map, expect_one_each(*map, place_pack(*map, count), count));
  }
  expect_too_few(*map, place_spread(*map, all + 1), all + 1);
}
