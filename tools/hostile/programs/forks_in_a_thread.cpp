// Forks in another thread.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <unistd.h>

#include <thread>

namespace percore {

void Counter::up() {
  std::thread([] { fork(); }).join();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
