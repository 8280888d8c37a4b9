// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/bell_word.hpp>
#include <percore/contract/doorbell.hpp>
#include <percore/doorbell.hpp>

#include <type_traits>

namespace percore {

static_assert(DoorbellContract<Doorbell, Bell>,
              "Doorbell and Bell do not offer what the layers above need: see "
              "contract/doorbell.hpp");
static_assert(BellWordContract<BellWord>,
              "BellWord does not offer what a bell is made of: see contract/doorbell.hpp");
static_assert(std::is_same_v<decltype(doorbell()), Doorbell&>,
              "doorbell() gives the running executor's Doorbell&");

}  // namespace percore
