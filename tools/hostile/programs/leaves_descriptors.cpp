// Leaves descriptors open, and then has none left.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>

namespace percore {

void Counter::up() {
  while (open("/dev/null", O_RDONLY) >= 0) {
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
