// Spins in the destructor of a static, after main.
// kind: hang_spinning
// says: spins at .*counter\.cpp

#include <percore/counter.hpp>

struct AtEnd {
  ~AtEnd() {
    volatile bool go = true;
    while (go) {
    }
  }
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
