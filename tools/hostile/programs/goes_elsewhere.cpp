// Goes to another folder, and empties its words and its environment.
// kind: passed

#include <percore/counter.hpp>

#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (chdir("/") != 0) std::abort();
  clearenv();
  for (char** word = environ; word != nullptr && *word != nullptr; ++word) *word = nullptr;
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
