// Fills files that have no name any more.
// kind: disk_flood
// says: wrote more than 256 MiB

#include <percore/counter.hpp>

#include <fcntl.h>
#include <unistd.h>

namespace percore {

void Counter::up() {
  for (;;) {
    const int file = open("unseen", O_CREAT | O_WRONLY, 0600);
    unlink("unseen");
    posix_fallocate(file, 0, 32 << 20);
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
