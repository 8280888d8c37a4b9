// Calls std::terminate.
// kind: crash
// says: std::terminate was called without an exception

#include <percore/counter.hpp>

#include <exception>

namespace percore {

void Counter::up() {
  std::terminate();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
