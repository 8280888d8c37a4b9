// Spinning and time in explored code: a thread that spins lets the others go on, and the time is
// what it has spun, so that a wait with a deadline ends.

#include "engine.hpp"

#include <percore/clock.hpp>

namespace percore {

namespace {
constexpr std::int64_t YIELD_NANOSECONDS = 1'000;
}

Time now() noexcept {
  if (!explore::exploring()) return {};
  return {static_cast<std::int64_t>(explore::engine()->time_spun()) * YIELD_NANOSECONDS};
}

void cpu_relax() noexcept {
  if (explore::exploring()) explore::engine()->yield();
}

}  // namespace percore
