// Writes a file without end.
// kind: crash
// says: SIGXFSZ, a file that grew beyond 64 MiB

#include <percore/counter.hpp>

#include <cstdio>

namespace percore {

void Counter::up() {
  static char block[1 << 20];
  std::FILE* file = std::fopen("big", "w");
  for (;;) std::fwrite(block, 1, sizeof block, file);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
