// Stops itself, as Ctrl-Z would.
// kind: hang_waiting
// says: waits in SIGSTOP, which it sent itself

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  std::raise(SIGSTOP);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
