// Makes the system call clone itself.
// kind: forking
// says: tried to start a process

#include <percore/counter.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace percore {

void Counter::up() {
  syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
