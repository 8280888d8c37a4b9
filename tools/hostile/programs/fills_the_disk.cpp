// Writes one large file after the other.
// kind: disk_flood
// says: wrote more than 256 MiB

#include <percore/counter.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace percore {

void Counter::up() {
  for (int number = 0;; ++number) {
    const int file = open(std::to_string(number).c_str(), O_CREAT | O_WRONLY, 0600);
    posix_fallocate(file, 0, 32 << 20);
    close(file);
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
