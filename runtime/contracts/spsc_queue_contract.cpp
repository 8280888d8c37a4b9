// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/spsc_queue.hpp>
#include <percore/spsc_queue.hpp>

#include <memory>
#include <type_traits>

namespace percore {

static_assert(SpscQueueContract<SpscQueue<int>, int>,
              "SpscQueue does not offer what the layers above need: see contract/spsc_queue.hpp");
static_assert(SpscQueueContract<SpscQueue<std::unique_ptr<int>>, std::unique_ptr<int>>,
              "an SpscQueue must carry values that can only be moved");
static_assert(!std::is_move_constructible_v<SpscQueue<int>>,
              "two threads use it where it is: an SpscQueue must not be copied or moved");

}  // namespace percore
