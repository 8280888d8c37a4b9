// Starts a program by posix_spawn.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <spawn.h>

namespace percore {

void Counter::up() {
  char* words[] = {const_cast<char*>("true"), nullptr};
  pid_t child = 0;
  posix_spawn(&child, "/bin/true", nullptr, nullptr, words, nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
