// Maps memory without end.
// kind: out_of_memory
// says: more than 512 MiB

#include <percore/counter.hpp>

#include <sys/mman.h>

namespace percore {

void Counter::up() {
  for (;;)
    mmap(nullptr, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
         0);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
