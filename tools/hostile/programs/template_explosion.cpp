// A template that doubles at each of its levels.
// kind: compile_error
// says: compiler ran out of

#include <percore/counter.hpp>

template <int n, typename T, int side>
struct Doubling {
  Doubling<n - 1, Doubling, 0> left;
  Doubling<n - 1, Doubling, 1> right;
};
template <typename T, int side>
struct Doubling<0, T, side> {};

namespace percore {

void Counter::up() {
  ++value_;
  (void)sizeof(Doubling<40, int, 0>);
}

void Counter::down() {
  --value_;
}

}  // namespace percore
