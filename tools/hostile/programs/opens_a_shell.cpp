// Reads from a command by popen.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <cstdio>

namespace percore {

void Counter::up() {
  if (popen("sleep 100", "r") != nullptr) ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
