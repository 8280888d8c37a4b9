// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/shared_channel.hpp>
#include <percore/shared_channel.hpp>

#include <memory>
#include <type_traits>

namespace percore {

static_assert(ChannelCoreContract<ChannelCore<int>, int>,
              "ChannelCore does not offer what the explorer's checks need: see "
              "contract/shared_channel.hpp");
static_assert(SharedSenderContract<SharedSender<int>, int> &&
                  SharedReceiverContract<SharedReceiver<int>, int>,
              "SharedSender and SharedReceiver do not offer what the layers above need: see "
              "contract/shared_channel.hpp");
static_assert(
    SharedSenderContract<SharedSender<std::unique_ptr<int>>, std::unique_ptr<int>> &&
        SharedReceiverContract<SharedReceiver<std::unique_ptr<int>>, std::unique_ptr<int>>,
    "a shared channel must carry values that can only be moved");
static_assert(!std::is_copy_constructible_v<SharedSender<int>> &&
                  std::is_move_constructible_v<SharedSender<int>>,
              "an end is moved to its executor's thread, and never copied");

}  // namespace percore
