// Forks until it may no more.
// kind: forking
// says: tried to start a process at .*counter\.cpp

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  while (fork() >= 0) {
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
