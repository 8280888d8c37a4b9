// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/local_channel.hpp>
#include <percore/local_channel.hpp>

#include <memory>
#include <type_traits>

namespace percore {

static_assert(LocalChannelContract<LocalChannel<int>, int>,
              "LocalChannel does not offer what the layers above need: see "
              "contract/local_channel.hpp");
static_assert(LocalChannelContract<LocalChannel<std::unique_ptr<int>>, std::unique_ptr<int>>,
              "a LocalChannel must carry values that can only be moved");
static_assert(!std::is_move_constructible_v<LocalChannel<int>>,
              "those who wait point to it: a LocalChannel must not be copied or moved");

}  // namespace percore
