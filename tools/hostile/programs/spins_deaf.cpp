// Ignores every signal it may, then spins.
// kind: hang_spinning
// says: spins at .*counter\.cpp

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  for (int signal = 1; signal < 32; ++signal) std::signal(signal, SIG_IGN);
  volatile bool go = true;
  while (go) {
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
