// The runtime's clock and its spinning, on virtual time. Each look at the clock takes a little, so
// that a loop which waits for a moment reaches it.

#include <percore/clock.hpp>

#include "baton.hpp"

namespace percore {

Time now() noexcept {
  const sim::Call call(20);
  ++sim::session().counts.clock_looks;
  sim::maybe_hand_over();
  return Time{sim::time_nanoseconds()};
}

void cpu_relax() noexcept {
  const sim::Call call(40);
  sim::maybe_hand_over(true);
}

}  // namespace percore
