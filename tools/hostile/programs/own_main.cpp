// Has a main of its own that returns success.
// kind: compile_error
// says: main is defined here, but the checker brings its own

#include <percore/counter.hpp>

int main() {
  return 0;
}

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
