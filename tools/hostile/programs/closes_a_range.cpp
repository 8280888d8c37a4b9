// Closes every descriptor in one call.
// kind: tampering
// says: closed or replaced descriptors that are not its own

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  close_range(0, 10'000, 0);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
