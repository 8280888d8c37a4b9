#include <percore/executor.hpp>
#include <percore/timer.hpp>

/// Calls beat(n) at start + n * period. The next deadline is counted from the one before, never
/// from now: what a beat takes, and how late it came, is not added to those behind it.
percore::Task<> heartbeat(percore::Time period, unsigned beats, void (*beat)(unsigned)) {
  percore::Time deadline = percore::now();
  for (unsigned n = 1; n <= beats; ++n) {
    deadline = deadline + period;
    const auto slept = co_await percore::sleep_until(deadline);
    if (!slept) co_return;  // the executor ends
    beat(n);
  }
}
