// Kills itself.
// kind: crash
// says: SIGKILL

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  std::raise(SIGKILL);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
