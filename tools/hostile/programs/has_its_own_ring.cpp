// Opens a ring by system calls and asks it to remove the learner's file: no filter sees that.
// kind: passed

#include <percore/counter.hpp>

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

// One entry, handed over by hand: the kernel's own ring, past liburing and past the simulated one.
static void ask_a_ring_to_remove(const char* path) {
  io_uring_params setup{};
  const auto ring = static_cast<int>(syscall(__NR_io_uring_setup, 1, &setup));
  if (ring < 0) return;  // no io_uring here
  const auto map = [ring](std::size_t size, unsigned long long offset) {
    return static_cast<char*>(
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, static_cast<long>(offset)));
  };
  char* const queue = map(4096, IORING_OFF_SQ_RING);
  auto* const entry = reinterpret_cast<io_uring_sqe*>(map(sizeof(io_uring_sqe), IORING_OFF_SQES));
  *entry = {};
  entry->opcode = IORING_OP_UNLINKAT;
  entry->fd = AT_FDCWD;
  entry->addr = reinterpret_cast<unsigned long long>(path);
  *reinterpret_cast<unsigned*>(queue + setup.sq_off.array) = 0;
  *reinterpret_cast<unsigned*>(queue + setup.sq_off.tail) = 1;
  syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
  const auto* const done = reinterpret_cast<const io_uring_cqe*>(queue + setup.cq_off.cqes);
  if (done->res == 0) std::abort();
  close(ring);
}

namespace percore {

void Counter::up() {
  ask_a_ring_to_remove(__FILE__);
  ++value_;
}

void Counter::down() {
  --value_;
}

}  // namespace percore
