// A template that calls itself without end.
// kind: compile_error
// says: template.*depth

#include <percore/counter.hpp>

template <int n>
struct Endless {
  static constexpr int value = Endless<n + 1>::value + 1;
};

namespace percore {

void Counter::up() {
  value_ += Endless<0>::value;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
