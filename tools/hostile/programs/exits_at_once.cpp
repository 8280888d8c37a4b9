// Exits without destructors.
// kind: early_exit
// says: ended with exit status 0 before the check was done

#include <percore/counter.hpp>

#include <unistd.h>

namespace percore {

void Counter::up() {
  _exit(0);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
