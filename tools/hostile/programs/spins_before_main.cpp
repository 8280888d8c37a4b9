// Spins in the constructor of a static.
// kind: hang_spinning
// says: The program spins

#include <percore/counter.hpp>

static int endless() {
  volatile int n = 0;
  for (;;) n = n + 1;
}
static const int never = endless();

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
