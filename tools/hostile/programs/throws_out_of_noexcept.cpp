// Throws out of a noexcept function.
// kind: crash
// says: stopped at .*counter\.cpp.*an exception left the program: not allowed

#include <percore/counter.hpp>

#include <stdexcept>

namespace percore {

void Counter::up() {
  [this]() noexcept { throw std::runtime_error("not allowed"); }();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
