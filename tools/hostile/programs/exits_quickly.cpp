// Uses quick_exit.
// kind: early_exit
// says: ended with exit status 7 before the check was done

#include <percore/counter.hpp>

#include <cstdlib>

namespace percore {

void Counter::up() {
  std::quick_exit(7);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
