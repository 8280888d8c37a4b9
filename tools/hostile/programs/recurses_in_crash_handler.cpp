// Crashes in its own handler of crashes.
// kind: crash
// says: SIGSEGV|stack overflowed

#include <percore/counter.hpp>

#include <csignal>

namespace percore {

void Counter::up() {
  std::signal(SIGSEGV, [](int) { *reinterpret_cast<volatile int*>(8) = 1; });
  *reinterpret_cast<volatile int*>(8) = 1;
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
