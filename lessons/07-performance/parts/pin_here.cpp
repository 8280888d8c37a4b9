#include "pin_here.hpp"

#include <sched.h>

namespace lesson {
namespace {

cpu_set_t allowed() {
  static const cpu_set_t at_the_start = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  return at_the_start;
}

bool pin(int cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<unsigned>(cpu), &only);
  return sched_setaffinity(0, sizeof only, &only) == 0;
}

}  // namespace

int pin_to_first_cpu() {
  const cpu_set_t set = allowed();
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) return pin(cpu) ? cpu : -1;
  return -1;
}

bool move_to_another_cpu() {
  const cpu_set_t set = allowed();
  const int here = sched_getcpu();
  for (int step = 1; step < CPU_SETSIZE; ++step) {
    const int cpu = (here + step) % CPU_SETSIZE;
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) return pin(cpu);
  }
  return false;
}

}  // namespace lesson
