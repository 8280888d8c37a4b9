// Reads a pipe into which nobody writes.
// kind: hang_waiting
// says: waits in read at .*counter\.cpp

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  int ends[2];
  char c = 0;
  if (pipe(ends) == 0) value_ += read(ends[0], &c, 1) > 0 ? 1 : 0;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
