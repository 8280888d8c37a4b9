// Crashes in the destructor of a static.
// kind: crash
// says: crashed at .*counter\.cpp

#include <percore/counter.hpp>

struct AtEnd {
  ~AtEnd() { *reinterpret_cast<volatile int*>(8) = 1; }
};
static const AtEnd at_end;

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
