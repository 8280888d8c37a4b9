// May not signal other processes, let alone all (asked with signal 0, which harms nobody).
// kind: passed

#include <percore/counter.hpp>

#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (kill(-1, 0) == 0 || kill(getppid(), 0) == 0 || kill(1, 0) == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
