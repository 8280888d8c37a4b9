// Unmaps every page it finds, the harness' among them.
// kind: crash
// says: SIGSEGV|stack overflowed

#include <percore/counter.hpp>

#include <sys/mman.h>

#include <cstdio>

namespace percore {

void Counter::up() {
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  static unsigned long places[1000][2];
  int count = 0;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr && count < 1000)
    if (std::sscanf(line, "%lx-%lx", &places[count][0], &places[count][1]) == 2) ++count;
  while (count-- > 0)
    munmap(reinterpret_cast<void*>(places[count][0]), places[count][1] - places[count][0]);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
