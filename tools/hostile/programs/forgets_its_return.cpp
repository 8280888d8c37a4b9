// A function that returns nothing.
// kind: crash
// says: SIGILL|SIGSEGV|SIGTRAP

#include <percore/counter.hpp>

static int answer() {}

namespace percore {

void Counter::up() {
  value_ += answer();
}

void Counter::down() {
  --value_;
}

}  // namespace percore
