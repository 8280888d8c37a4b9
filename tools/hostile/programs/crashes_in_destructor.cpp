// Crashes in the destructor of a local.
// kind: crash
// says: crashed at .*counter\.cpp

#include <percore/counter.hpp>

namespace percore {

void Counter::up() {
  struct Local {
    ~Local() { *reinterpret_cast<volatile int*>(8) = 1; }
  } local;
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
