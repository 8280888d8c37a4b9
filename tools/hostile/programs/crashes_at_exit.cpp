// Crashes in a function that runs at exit.
// kind: crash
// says: crashed at .*counter\.cpp

#include <percore/counter.hpp>

#include <cstdlib>

static const int registered = std::atexit([] { *reinterpret_cast<volatile int*>(8) = 1; });

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
