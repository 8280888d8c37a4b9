// Starts itself anew, over and over.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  execl("/proc/self/exe", "again", nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
