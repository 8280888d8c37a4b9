// Catches its own SIGSEGV and returns: the instruction faults again and again.
// kind: hang_spinning
// says: spins

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  std::signal(SIGSEGV, [](int) {});
  volatile int* nowhere = reinterpret_cast<int*>(8);
  *nowhere = 1;
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
