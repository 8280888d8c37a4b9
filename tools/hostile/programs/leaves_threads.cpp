// Leaves threads behind that sleep.
// kind: passed

#include <percore/counter.hpp>

#include <unistd.h>

#include <thread>

namespace percore {

void Counter::up() {
  if (value_ < 2) std::thread([] { sleep(3600); }).detach();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
