// Prints without end.
// kind: output_flood
// says: printed more than 1 MiB

#include <percore/counter.hpp>

#include <cstdio>

namespace percore {

void Counter::up() {
  for (;;) std::puts("round and round");
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
