// IORING_OP_MSG_RING: a completion, or a registered file, for another ring.
//
// A ring with DEFER_TASKRUN gets the message as work that waits for its next enter, which also
// wakes it; other rings find the completion posted, whatever they are doing.

#include <fcntl.h>
#include <unistd.h>

#include "state.hpp"

#ifndef IORING_MSG_RING_FLAGS_PASS
#define IORING_MSG_RING_FLAGS_PASS (1U << 1)  // Linux 6.3
#endif

namespace percore::sim {

namespace {

void deliver(Operation& operation, Ring& target, int result, unsigned cqe_flags) {
  const std::uint64_t user_data = operation.sqe.off;
  note(operation.ring, {.kind = Event::Kind::message,
                        .result = result,
                        .offset = target.number,
                        .operation = operation.id});
  if (!target.deferred()) {
    post_completion(target, operation.id, user_data, result, cqe_flags);
    ++target.posted;
    return;
  }
  target.finished.push_back({.operation = operation.id,
                             .message = true,
                             .result = result,
                             .cqe_flags = cqe_flags,
                             .user_data = user_data});
  update_flags(target);
}

int send_data(Operation& operation, Ring& target) {
  const io_uring_sqe& sqe = operation.sqe;
  const bool passes_flags = (sqe.msg_ring_flags & IORING_MSG_RING_FLAGS_PASS) != 0;
  if (sqe.addr3 != 0 || (sqe.msg_ring_flags & IORING_MSG_RING_CQE_SKIP) != 0) return -EINVAL;
  if (sqe.file_index != 0 && !passes_flags) return -EINVAL;
  if (target.disabled) return -EBADFD;
  deliver(operation, target, static_cast<int>(sqe.len), passes_flags ? sqe.file_index : 0);
  return 0;
}

int send_file(Operation& operation, Ring& target) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || &target == operation.ring) return -EINVAL;
  if (target.disabled) return -EBADFD;
  const auto& files = operation.ring->files.slots;
  if (sqe.addr3 >= files.size() || files[sqe.addr3] == nullptr) return -EBADF;
  if (sqe.file_index == 0) return -EINVAL;
  const int own = duplicate(files[sqe.addr3]->fd);
  if (own < 0) return own;
  const int slot = install_direct(target, own, sqe.file_index);
  if (slot < 0) return slot;
  if ((sqe.msg_ring_flags & IORING_MSG_RING_CQE_SKIP) == 0) deliver(operation, target, slot, 0);
  return slot;
}

}  // namespace

int prepare_ring_message(Operation& operation) {
  constexpr unsigned known = IORING_MSG_RING_CQE_SKIP | IORING_MSG_RING_FLAGS_PASS;
  const io_uring_sqe& sqe = operation.sqe;
  return sqe.buf_index != 0 || (sqe.msg_ring_flags & ~known) != 0 ? -EINVAL : 0;
}

int perform_ring_message(Operation& operation) {
  const int fd = file_of(operation);
  Ring* const target = find_ring(fd);
  if (target == nullptr) return fd < 0 || fcntl(fd, F_GETFD) < 0 ? -EBADF : -EBADFD;
  switch (operation.sqe.addr) {
    case IORING_MSG_DATA:
      return send_data(operation, *target);
    case IORING_MSG_SEND_FD:
      return send_file(operation, *target);
    default:
      return -EINVAL;
  }
}

}  // namespace percore::sim
