// Makes private public: bad taste, but the counter counts.
// kind: passed

#include <percore/counter.hpp>

#define private public

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
