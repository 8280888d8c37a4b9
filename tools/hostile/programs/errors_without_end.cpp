// Ten thousand errors: the first is told.
// kind: compile_error
// says: counter\.cpp:\d+: .*(undeclared|not declared)

#include <percore/counter.hpp>

#define E ++wrong;
#define E10 E E E E E E E E E E
#define E1000 E10 E10 E10 E10 E10 E10 E10 E10 E10 E10

namespace percore {

void Counter::up() {
  E1000 E1000 E1000++ value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
