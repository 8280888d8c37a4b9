// Exits as if all were well.
// kind: early_exit
// says: ended with exit status 0 before the check was done

#include <percore/counter.hpp>

#include <cstdlib>

namespace percore {

void Counter::up() {
  std::exit(0);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
