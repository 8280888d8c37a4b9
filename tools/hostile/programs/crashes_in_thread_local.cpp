// Crashes in the destructor of a thread_local.
// kind: crash
// says: crashed at .*counter\.cpp

#include <percore/counter.hpp>

#include <thread>

namespace percore {

void Counter::up() {
  std::thread([] {
    struct Local {
      ~Local() { *reinterpret_cast<volatile int*>(8) = 1; }
    };
    thread_local Local local;
    [[maybe_unused]] const Local* touched = &local;
  }).join();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
