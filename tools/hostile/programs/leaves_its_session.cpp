// May not leave the session that ends with it.
// kind: passed

#include <percore/counter.hpp>

#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (setsid() != -1 || setpgid(0, getpid() + 1) == 0) std::abort();
  prctl(PR_SET_PDEATHSIG, 0);
  int signal = 0;
  prctl(PR_GET_PDEATHSIG, &signal);
  if (signal == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
