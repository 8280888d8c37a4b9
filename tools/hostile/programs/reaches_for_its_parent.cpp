// May not change the limits, the priority or the CPUs of the process that supervises it.
// kind: passed

#include <percore/counter.hpp>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (prlimit(getppid(), RLIMIT_NOFILE, &none, nullptr) == 0) std::abort();
  if (setpriority(PRIO_PROCESS, static_cast<id_t>(getppid()), 19) == 0) std::abort();
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  if (sched_setaffinity(getppid(), sizeof cpus, &cpus) == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
