// Spins for ever.
// kind: hang_spinning
// says: spins at .*counter\.cpp:\d+, in percore::Counter::up

#include <percore/counter.hpp>

namespace percore {

void Counter::up() {
  volatile bool go = true;
  while (go) {
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
