// Calls itself without end.
// kind: crash
// says: stack overflowed at .*counter\.cpp

#include <percore/counter.hpp>

namespace percore {

void Counter::up() {
  volatile char block[256];
  block[0] = 1;
  up();
  block[1] = block[0];
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
