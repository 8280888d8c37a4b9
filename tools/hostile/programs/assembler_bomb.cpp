// Makes the assembler repeat a byte without end.
// kind: compile_error
// says: compiler ran out of|compiler needed

#include <percore/counter.hpp>

asm(".data\n.rept 100000000\n.quad 1\n.endr\n.text");

namespace percore {

void Counter::up() {
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
