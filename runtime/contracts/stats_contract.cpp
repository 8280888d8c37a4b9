// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/stats.hpp>
#include <percore/stats.hpp>

#include <type_traits>

namespace percore {

static_assert(StatsContract<Stats>,
              "Stats does not offer what its users need: see contract/stats.hpp");
static_assert(!std::is_copy_constructible_v<Stats>,
              "a Stats must not be copied: its executor knows its address");

}  // namespace percore
