// Takes memory by sbrk.
// kind: out_of_memory
// says: more than 512 MiB

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  for (;;) *static_cast<volatile char*>(sbrk(4096)) = 1;
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
