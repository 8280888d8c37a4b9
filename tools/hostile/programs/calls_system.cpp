// Calls a shell.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (std::system("sleep 100 &") == 0) ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
