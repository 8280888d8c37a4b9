#pragma once

#include <liburing.h>

#include <cstdint>

/// Error paths on the kernel's own ring: an entry that waits to be submitted becomes a NOP that
/// ends with a result of the test's choice (IORING_NOP_INJECT_RESULT, Linux 6.10), whatever it was
/// prepared to be. Its user_data and its links stay, so nobody above the entry sees a difference.
namespace percore::test {

/// Whether the kernel, or what stands for it, knows how.
inline bool can_inject_results() {
  io_uring ring;
  if (io_uring_queue_init(2, &ring, 0) != 0) return false;
  constexpr unsigned inject = 1u << 0;  // liburing 2.3 has no name for it
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data64(sqe, 1);
  sqe->rw_flags = inject;
  sqe->len = 77;
  io_uring_cqe* cqe = nullptr;
  const bool known = io_uring_submit_and_wait(&ring, 1) == 1 &&
                     io_uring_wait_cqe(&ring, &cqe) == 0 && cqe->res == 77;
  if (cqe != nullptr) io_uring_cqe_seen(&ring, cqe);
  io_uring_queue_exit(&ring);
  return known;
}

/// The newest entry that was filled in and not yet submitted ends with `result`.
/// REQUIRES: there is one.
inline void inject_result(io_uring& ring, std::int32_t result) {
  constexpr unsigned inject = 1u << 0;
  io_uring_sqe& sqe = ring.sq.sqes[(ring.sq.sqe_tail - 1) & *ring.sq.kring_mask];
  const std::uint64_t user_data = sqe.user_data;
  const auto flags = sqe.flags;
  io_uring_prep_nop(&sqe);
  sqe.flags = flags;
  sqe.user_data = user_data;
  sqe.rw_flags = inject;
  sqe.len = static_cast<std::uint32_t>(result);
}

}  // namespace percore::test
