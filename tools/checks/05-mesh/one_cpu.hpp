#pragma once

#include <sched.h>

namespace checks {

/// Has this thread, and those that it makes, stay on the CPU where it runs. Simulated threads take
/// turns: on one CPU the kernel switches from one to the next, on two it has to wake a CPU that has
/// gone idle, which takes several times as long.
inline void stay_on_one_cpu() {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &here);
  static_cast<void>(sched_setaffinity(0, sizeof here, &here));  // refused, it takes longer
}

}  // namespace checks
