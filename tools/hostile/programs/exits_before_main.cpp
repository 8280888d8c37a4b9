// Exits in the constructor of a static.
// kind: early_exit
// says: ended with exit status 0 before the check was done

#include <percore/counter.hpp>

#include <unistd.h>

static const int early = (_exit(0), 1);

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
