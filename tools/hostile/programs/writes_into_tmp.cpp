// May write into its own folder only, and what lies there goes with it.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (open("/tmp/percore-hostile", O_CREAT | O_WRONLY, 0600) >= 0) std::abort();
  if (open("/dev/shm/percore-hostile", O_CREAT | O_WRONLY, 0600) >= 0) std::abort();
  const int kept = open("kept", O_CREAT | O_WRONLY, 0600);
  if (kept < 0) std::abort();
  close(kept);
  mkdir("locked", 0);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
