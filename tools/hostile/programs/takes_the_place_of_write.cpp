// Defines write, and reports what it likes.
// kind: tampering
// says: defines `write`

#include <percore/counter.hpp>

#include <cstddef>

extern "C" long write(int, const void*, std::size_t size) {
  return static_cast<long>(size);
}

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
