#pragma once

#include <percore/cpu_set.hpp>

namespace lesson {

/// From now on the calling thread, and every thread that it starts, runs on these CPUs only.
/// Returns   0, or the errno: EINVAL when none of them is there to be used.
/// Source    sched_setaffinity(2).
int pin(const percore::CpuSet& cpus);

percore::CpuSet only(unsigned cpu);

}  // namespace lesson
