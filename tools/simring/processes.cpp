// IORING_OP_WAITID: children are real processes, whatever the clock is.

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "state.hpp"

namespace percore::sim {

namespace {

// Returns  1 with a child's state in `found`, 0 when none has changed yet, or an error.
int ask(const Operation& operation, siginfo_t& found) {
  const io_uring_sqe& sqe = operation.sqe;
  found = {};
  const auto kind = static_cast<idtype_t>(sqe.len);
  const int options = static_cast<int>(sqe.file_index);
  if (waitid(kind, static_cast<id_t>(sqe.fd), &found, options | WNOHANG) != 0) return -errno;
  return found.si_pid != 0 ? 1 : 0;
}

}  // namespace

int prepare_waitid(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.addr != 0 || sqe.buf_index != 0 || sqe.addr3 != 0 || sqe.rw_flags != 0) return -EINVAL;
  operation.single = {.iov_base = reinterpret_cast<void*>(sqe.addr2),
                      .iov_len = sqe.addr2 == 0 ? 0 : sizeof(siginfo_t)};
  operation.exchange = std::make_unique<Exchange>();
  return 0;
}

int perform_waitid(Operation& operation) {
  if (!check_buffers(operation)) return -EFAULT;
  siginfo_t found;
  const int result = ask(operation, found);
  const bool waits = (operation.sqe.file_index & WNOHANG) == 0;
  if (result == 0 && waits) {
    // A descriptor of the process becomes readable at its end; for a choice of several there is
    // none, and only looking helps.
    if (operation.sqe.len == P_PID && operation.exchange->edges < 0)
      operation.exchange->edges = static_cast<int>(syscall(SYS_pidfd_open, operation.sqe.fd, 0));
    return would_block;
  }
  if (result < 0) return result;
  if (operation.single.iov_base != nullptr) {
    std::memcpy(operation.single.iov_base, &found, sizeof found);
    rehash_overlapping(*operation.ring, operation);
  }
  return 0;
}

short waitid_events(const Operation&) {
  return POLLIN;
}

int waitid_descriptor(const Operation& operation) {
  return operation.exchange->edges;
}

bool waitid_stirred(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  siginfo_t found{};
  const int options = static_cast<int>(sqe.file_index) | WNOHANG | WNOWAIT;
  const auto kind = static_cast<idtype_t>(sqe.len);
  return waitid(kind, static_cast<id_t>(sqe.fd), &found, options) != 0 || found.si_pid != 0;
}

}  // namespace percore::sim
