// Sleeps a little, for ever.
// kind: hang_waiting
// says: waits in clock_nanosleep

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  for (;;) usleep(10'000);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
