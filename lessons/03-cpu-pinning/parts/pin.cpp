// Pins the calling thread.
#include "pin.hpp"

#include <sched.h>

#include <cerrno>

namespace lesson {

int pin(const percore::CpuSet& cpus) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (unsigned cpu = cpus.next(0); cpu < CPU_SETSIZE; cpu = cpus.next(cpu + 1))
    CPU_SET(cpu, &mask);
  return sched_setaffinity(0, sizeof mask, &mask) == 0 ? 0 : errno;
}

percore::CpuSet only(unsigned cpu) {
  percore::CpuSet set;
  set.add(cpu);
  return set;
}

}  // namespace lesson
