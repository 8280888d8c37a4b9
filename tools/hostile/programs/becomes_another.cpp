// Replaces itself by another program.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  execl("/bin/true", "true", nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
