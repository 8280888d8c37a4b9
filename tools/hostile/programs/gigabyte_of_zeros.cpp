// An array of a gigabyte that is never touched: nothing is wrong with it.
// kind: passed

#include <percore/counter.hpp>

static char data[1 << 30];

namespace percore {

void Counter::up() {
  value_ += data[0] + 1;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
