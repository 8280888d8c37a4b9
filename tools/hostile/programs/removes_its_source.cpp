// May not remove, empty or rename the learner's own file.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace percore {

void Counter::up() {
  if (unlink(__FILE__) == 0 || truncate(__FILE__, 0) == 0) std::abort();
  if (open(__FILE__, O_WRONLY | O_TRUNC) >= 0 || open(__FILE__, O_RDWR) >= 0) std::abort();
  if (rename(__FILE__, "mine") == 0 || link(__FILE__, "mine") == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
