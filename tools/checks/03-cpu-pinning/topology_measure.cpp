// What reading a map costs with the learner's module, beside ours. Shown after a pass.

#include "topology_support.hpp"

using namespace checks;

PERCORE_MEASURE(read_a_server, "a map of 32 CPUs, read from a recording", 1) {
  const Machine server{.packages = 2, .nodes = 1, .caches = 2, .cores = 4, .threads = 2};
  const RecordedSys sys(recording_of(server));
  run.count_from_here();
  const auto map = Topology::read(sys.path(), cpus_of(server));
  run.count_to_here();
  require(map.has_value() && map->cpus().size() == 32, "the map was not read");
}
