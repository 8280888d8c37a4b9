// Crashes in the constructor of a static.
// kind: crash
// says: The program crashed \(SIGSEGV

#include <percore/counter.hpp>

static const int broken = *reinterpret_cast<volatile int*>(8);

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
