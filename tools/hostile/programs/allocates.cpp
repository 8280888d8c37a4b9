// Allocates without end.
// kind: out_of_memory
// says: more than 512 MiB

#include <percore/counter.hpp>

namespace percore {

void Counter::up() {
  for (;;) {
    char* block = new char[1 << 24];
    for (int i = 0; i < 1 << 24; i += 4096) block[i] = 1;
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
