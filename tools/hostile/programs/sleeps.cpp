// Sleeps for an hour.
// kind: hang_waiting
// says: waits in clock_nanosleep \(a sleep\) at .*counter\.cpp

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  sleep(3600);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
