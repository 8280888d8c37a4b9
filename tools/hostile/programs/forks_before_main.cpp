// Forks in the constructor of a static.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <unistd.h>

static const int child = fork();

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
