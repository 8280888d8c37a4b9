// A constant that is never done.
// kind: compile_error
// says: constexpr|constant expression

#include <percore/counter.hpp>

constexpr int spin() {
  int n = 0;
  for (;;) n ^= 1;
  return n;
}
constexpr int endless = spin();

namespace percore {

void Counter::up() {
  value_ += endless;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
