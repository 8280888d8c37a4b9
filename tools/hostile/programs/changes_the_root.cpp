// May not mount, change the root or make namespaces.
// kind: passed

#include <percore/counter.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>

namespace percore {

void Counter::up() {
  if (chroot(".") == 0 || unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0) std::abort();
  if (mount("none", ".", "tmpfs", 0, nullptr) == 0) std::abort();
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
