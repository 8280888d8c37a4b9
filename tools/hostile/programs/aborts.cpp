// Aborts.
// kind: crash
// says: SIGABRT

#include <percore/counter.hpp>

#include <cstdlib>

namespace percore {

void Counter::up() {
  std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
