// Reserves memory that it never touches, until there is none.
// kind: crash
// says: an exception left the program: std::bad_alloc

#include <percore/counter.hpp>

#include <new>

namespace percore {

void Counter::up() {
  for (;;) new char[1ULL << 40];
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
