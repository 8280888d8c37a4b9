// Kills its process group, in which it is alone.
// kind: crash
// says: SIGKILL

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  kill(0, SIGKILL);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
