// May not raise the limits it was given, whoever runs it.
// kind: passed

#include <percore/counter.hpp>

#include <sys/resource.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  rlimit limit{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (setrlimit(RLIMIT_FSIZE, &limit) == 0 || setrlimit(RLIMIT_NOFILE, &limit) == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
