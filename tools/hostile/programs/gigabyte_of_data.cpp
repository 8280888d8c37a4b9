// An initialised array of a gigabyte.
// kind: compile_error
// says: compiler ran out of|too large

#include <percore/counter.hpp>

static char data[1 << 30] = {1};

namespace percore {

void Counter::up() {
  value_ += data[0];
}

void Counter::down() {
  --value_;
}

}  // namespace percore
