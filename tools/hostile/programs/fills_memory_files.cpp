// Fills files in memory.
// kind: disk_flood
// says: wrote more than 256 MiB

#include <percore/counter.hpp>

#include <fcntl.h>
#include <sys/mman.h>

namespace percore {

void Counter::up() {
  for (;;) posix_fallocate(memfd_create("unseen", 0), 0, 32 << 20);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
