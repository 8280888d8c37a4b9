// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/topology.hpp>
#include <percore/topology.hpp>

namespace percore {

static_assert(TopologyContract<Topology>,
              "Topology does not offer what the layers above need: see contract/topology.hpp");

}  // namespace percore
