// Waits for a line on standard input, which is empty.
// kind: hang_spinning
// says: spins at .*counter\.cpp

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  char c = 0;
  while (c != '\n') [[maybe_unused]]
    const auto got = read(0, &c, 1);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
