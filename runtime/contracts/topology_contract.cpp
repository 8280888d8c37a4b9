// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/topology.hpp>
#include <percore/topology.hpp>

namespace percore {

static_assert(TopologyContract<Topology>,
              "Topology does not offer what the layers above need: see contract/topology.hpp");
static_assert(
    requires {
      { allowed_cpus() } -> std::same_as<std::expected<CpuSet, std::string>>;
    }, "allowed_cpus() is missing or gives something else: see contract/topology.hpp");

}  // namespace percore
