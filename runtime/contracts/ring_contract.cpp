// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/ring.hpp>
#include <percore/ring.hpp>

#include <type_traits>

namespace percore {

static_assert(RingContract<Ring>,
              "Ring does not offer what the layers above need: see contract/ring.hpp");
static_assert(!std::is_copy_constructible_v<Ring> && !std::is_move_constructible_v<Ring>,
              "a Ring must not be copied or moved: the kernel writes into its memory");

}  // namespace percore
