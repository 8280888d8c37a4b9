// Exits in another thread.
// kind: early_exit
// says: ended with exit status 0 before the check was done

#include <percore/counter.hpp>

#include <unistd.h>

#include <thread>

namespace percore {

void Counter::up() {
  std::thread([] { _exit(0); }).join();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
