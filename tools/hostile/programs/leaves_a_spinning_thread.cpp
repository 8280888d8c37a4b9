// Leaves a thread behind that spins after the checks are done.
// kind: passed

#include <percore/counter.hpp>

#include <atomic>
#include <thread>

namespace percore {

void Counter::up() {
  static std::atomic<bool> started = false;
  if (!started.exchange(true))
    std::thread([] {
      volatile bool go = true;
      while (go) {
      }
    }).detach();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
