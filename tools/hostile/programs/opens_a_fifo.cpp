// Opens a fifo that nobody else opens.
// kind: hang_waiting
// says: waits in open .*counter\.cpp

#include <percore/counter.hpp>

#include <fcntl.h>
#include <sys/stat.h>

namespace percore {

void Counter::up() {
  mkfifo("pipe", 0600);
  open("pipe", O_RDONLY);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
