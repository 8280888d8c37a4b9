// Goes into the background.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  if (daemon(0, 0) == 0) ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
