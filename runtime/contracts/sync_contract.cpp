// Compiled beside whichever version of the module the build takes: ours or a learner's.
#include <percore/contract/sync.hpp>
#include <percore/sync.hpp>

#include <type_traits>

namespace percore {

static_assert(SemaphoreContract<Semaphore>,
              "Semaphore does not offer what the layers above need: see contract/sync.hpp");
static_assert(EventContract<Event>,
              "Event does not offer what the layers above need: see contract/sync.hpp");
static_assert(GateContract<Gate>,
              "Gate does not offer what the layers above need: see contract/sync.hpp");
static_assert(!std::is_copy_constructible_v<SemaphoreUnits> &&
                  std::is_nothrow_move_constructible_v<SemaphoreUnits>,
              "SemaphoreUnits is moved, never copied: units are released once");
static_assert(!std::is_copy_constructible_v<GatePass> &&
                  std::is_nothrow_move_constructible_v<GatePass>,
              "a GatePass is moved, never copied: one leaves once");
static_assert(!std::is_move_constructible_v<Semaphore> && !std::is_move_constructible_v<Event> &&
                  !std::is_move_constructible_v<Gate>,
              "those who wait point to it: it must not be copied or moved");

}  // namespace percore
