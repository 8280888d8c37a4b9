// A macro that becomes ten thousand million words.
// kind: compile_error
// says: compiler ran out of|compiler needed

#include <percore/counter.hpp>

#define A 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1
#define B A + A + A + A + A + A + A + A + A + A
#define C B + B + B + B + B + B + B + B + B + B
#define D C + C + C + C + C + C + C + C + C + C
#define E D + D + D + D + D + D + D + D + D + D
#define F E + E + E + E + E + E + E + E + E + E
#define G F + F + F + F + F + F + F + F + F + F
#define H G + G + G + G + G + G + G + G + G + G
#define I H + H + H + H + H + H + H + H + H + H
#define J I + I + I + I + I + I + I + I + I + I

namespace percore {

void Counter::up() {
  value_ += J;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
