// Overwrites the page that the harness shares with the tutor, then crashes.
// kind: crash

#include <percore/counter.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace percore {

void Counter::up() {
  std::FILE* maps = std::fopen("/proc/self/maps", "r");
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long begin = 0, end = 0;
    if (std::strstr(line, "percore-check") == nullptr ||
        std::sscanf(line, "%lx-%lx", &begin, &end) != 2)
      continue;
    std::memset(reinterpret_cast<void*>(begin), 0xff, end - begin);
  }
  std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
