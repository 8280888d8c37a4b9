// Ends the main thread while another sleeps.
// kind: hang_waiting
// says: waits

#include <percore/counter.hpp>

#include <pthread.h>
#include <unistd.h>

#include <thread>

namespace percore {

void Counter::up() {
  std::thread([] { sleep(3600); }).detach();
  pthread_exit(nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
