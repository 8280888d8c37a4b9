// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/placement.hpp>
#include <percore/placement.hpp>

namespace percore {

static_assert(
    requires(const Topology& topology, std::size_t count, const CpuSet& cpus,
             const std::vector<CpuSet>& sets) {
      { place_unbound(topology, count) } -> std::same_as<Places>;
      { place_fixed(topology, cpus) } -> std::same_as<Places>;
      { place_fenced(topology, count, cpus) } -> std::same_as<Places>;
      { place_spread(topology, count) } -> std::same_as<Places>;
      { place_pack(topology, count) } -> std::same_as<Places>;
      { place_custom(topology, sets) } -> std::same_as<Places>;
    },
    "a place_...() function is missing or gives something else: see contract/placement.hpp");

}  // namespace percore
