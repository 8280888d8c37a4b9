// Lays /dev/null over every descriptor.
// kind: tampering
// says: closed or replaced descriptors that are not its own

#include <percore/counter.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace percore {

void Counter::up() {
  const int nothing = open("/dev/null", O_WRONLY);
  for (int descriptor = 0; descriptor < 256; ++descriptor) dup2(nothing, descriptor);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
