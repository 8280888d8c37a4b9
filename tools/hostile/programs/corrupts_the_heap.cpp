// Writes behind a block and frees it.
// kind: crash
// says: heap was found broken|SIGSEGV

#include <percore/counter.hpp>

#include <cstdlib>
#include <cstring>

namespace percore {

void Counter::up() {
  char* block = static_cast<char*>(std::malloc(24));
  char* next = static_cast<char*>(std::malloc(24));
  std::memset(block, 0x41, 64);
  std::free(next);
  std::free(block);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
