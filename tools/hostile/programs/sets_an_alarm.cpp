// Sets an alarm and waits for it.
// kind: crash
// says: SIGALRM, an alarm that it set itself

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  ualarm(1000, 0);
  pause();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
