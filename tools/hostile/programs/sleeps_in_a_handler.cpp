// Sleeps in a signal handler, with every signal blocked.
// kind: hang_waiting
// says: waits in

#include <percore/counter.hpp>

#include <unistd.h>

#include <csignal>

namespace percore {

void Counter::up() {
  struct sigaction action{};
  sigfillset(&action.sa_mask);
  action.sa_handler = [](int) { sleep(3600); };
  sigaction(SIGUSR1, &action, nullptr);
  std::raise(SIGUSR1);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
