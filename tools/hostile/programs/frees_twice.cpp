// Frees a block twice.
// kind: crash
// says: heap was found broken at .*counter\.cpp

#include <percore/counter.hpp>

#include <cstdlib>

namespace percore {

void Counter::up() {
  void* block = std::malloc(24);
  void* same = block;
  std::free(block);
  std::free(same);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
