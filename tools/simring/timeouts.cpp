// TIMEOUT, LINK_TIMEOUT, and their removal and update.

#include <algorithm>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr unsigned clock_flags = IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME;

int read_timespec(std::uint64_t address, Nanoseconds& out) {
  if (!mapped(reinterpret_cast<const void*>(address), sizeof(__kernel_timespec))) return -EFAULT;
  const auto time = *reinterpret_cast<const __kernel_timespec*>(address);
  if (time.tv_sec < 0 || time.tv_nsec < 0) return -EINVAL;
  out = to_nanoseconds(time);
  return 0;
}

}  // namespace

int prepare_timeout(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  const unsigned known = IORING_TIMEOUT_ABS | clock_flags | IORING_TIMEOUT_ETIME_SUCCESS;
  const bool watches = sqe.opcode == IORING_OP_LINK_TIMEOUT;
  if ((sqe.timeout_flags & ~known) != 0 || sqe.len != 1 || sqe.buf_index != 0 ||
      sqe.splice_fd_in != 0)
    return -EINVAL;
  if ((sqe.timeout_flags & clock_flags) == clock_flags || (watches && sqe.off != 0)) return -EINVAL;
  return read_timespec(sqe.addr, operation.timeout);
}

std::size_t timeout_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"timespec", sqe.addr, sizeof(__kernel_timespec)};
  return 1;
}

Nanoseconds time_left(const Operation& operation) {
  const bool absolute = (operation.sqe.timeout_flags & IORING_TIMEOUT_ABS) != 0;
  return std::max<Nanoseconds>(absolute ? operation.timeout - session().clock : operation.timeout,
                               0);
}

bool start_timeout(Operation& operation) {
  Ring& ring = *operation.ring;
  if (operation.sqe.off != 0) {
    operation.timeout_target = ring.posted + operation.sqe.off;
    ring.counted.push_back(operation.id);
  }
  fly(operation, time_left(operation));
  return true;
}

int perform_timeout(Operation&) {
  return -ETIME;
}

bool timeout_breaks_link(const Operation& operation, int result) {
  const bool success = (operation.sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS) != 0;
  return result < 0 && (result != -ETIME || !success);
}

int perform_link_timeout(Operation& timer) {
  Operation* const target = find_operation(*timer.ring, timer.guards);
  if (target == nullptr) return -ETIME;
  target->link_timeout = 0;
  const int cancelled = cancel_one(*target);
  return cancelled != 0 ? cancelled : -ETIME;
}

int prepare_timeout_remove(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if ((sqe.timeout_flags & IORING_TIMEOUT_UPDATE_MASK) == 0)
    return sqe.timeout_flags == 0 ? 0 : -EINVAL;
  const unsigned known = IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | clock_flags;
  if ((sqe.timeout_flags & ~known) != 0) return -EINVAL;
  return read_timespec(sqe.addr2, operation.timeout);
}

bool start_timeout_remove(Operation& operation) {
  operation.result = change_timeout(*operation.ring, operation);
  operation.result_fixed = true;
  return false;
}

}  // namespace percore::sim
