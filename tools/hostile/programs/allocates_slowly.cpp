// Touches its memory page by page, with a pause now and then.
// kind: out_of_memory
// says: more than 512 MiB

#include <percore/counter.hpp>

#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  for (int i = 0;; ++i) {
    *static_cast<volatile char*>(std::malloc(4096)) = 1;
    if (i % 4096 == 0) usleep(1000);
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
