// What a placement costs with the learner's module, beside ours. Shown after a pass.

#include "placement_support.hpp"

using namespace checks;

namespace {
const Machine server{.packages = 2, .nodes = 1, .caches = 2, .cores = 4, .threads = 2};
}

PERCORE_MEASURE(spread, "16 executors spread over 32 CPUs", 1) {
  const Topology map = map_of(server);
  run.count_from_here();
  const auto places = place_spread(map, 16);
  run.count_to_here();
  require(places.has_value() && places->size() == 16, "no places were given");
}

PERCORE_MEASURE(pack, "16 executors packed on 32 CPUs", 1) {
  const Topology map = map_of(server);
  run.count_from_here();
  const auto places = place_pack(map, 16);
  run.count_to_here();
  require(places.has_value() && places->size() == 16, "no places were given");
}
