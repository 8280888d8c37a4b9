// Redefines a keyword.
// kind: compile_error
// says: #define int .*changes a word

#include <percore/counter.hpp>

#define int long

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
