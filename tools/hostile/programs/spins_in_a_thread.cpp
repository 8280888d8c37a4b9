// Joins a thread that spins.
// kind: hang_spinning
// says: spins at .*counter\.cpp:1[1-4]

#include <percore/counter.hpp>

#include <thread>

namespace percore {

void Counter::up() {
  std::thread([] {
    volatile bool go = true;
    while (go) {
    }
  }).join();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
