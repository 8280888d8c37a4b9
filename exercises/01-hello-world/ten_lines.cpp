#include <liburing.h>

#include <cerrno>
#include <span>
#include <string_view>

// Exercise 01.3, kind: use. Fill in write_lines(); leave its name and its parameters as they are.
// Add what you need above it.
//
//   io_uring_get_sqe(&ring)                        a free entry, or null: the submission queue is
//   full io_uring_prep_write(sqe, fd, bytes, size, offset) io_uring_sqe_set_data64(sqe, number) its
//   name, which comes back in the completion io_uring_submit_and_wait(&ring, completions)   the one
//   system call; a negative errno when it fails io_uring_for_each_cqe(&ring, head, cqe) { } looks
//   at the completions that are there io_uring_cqe_get_data64(cqe), cqe->res         whose it is;
//   bytes written, or a negative errno io_uring_cq_advance(&ring, completions)        gives their
//   places back
//
// -EINTR and -EAGAIN pass by themselves, as an answer of submit_and_wait and as a result of a
// write; so does -EBUSY of submit_and_wait: collect what is there, and go on.

/// Writes `lines` into the empty regular file `fd`, one after the other, through `ring`.
/// lines     whatever order the kernel works in, the file holds them in this one.
/// Returns   0, or the negative errno of a write that failed, when nothing is in flight any more.
/// Cost      one io_uring_enter, if no write falls short and the lines fit into the queue.
int write_lines(io_uring& ring, int fd, std::span<const std::string_view> lines) {
  // TODO
  static_cast<void>(ring);
  static_cast<void>(fd);
  static_cast<void>(lines);
  return -ENOSYS;
}
