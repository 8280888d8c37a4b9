// A program of nobody's in particular, on plain liburing: it copies a file through one buffer.
// Linked with liburing it runs on the kernel; linked with the simulated ring, on as many bad days
// as one likes.
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

namespace {

// One operation and its result: 0 or more, or a negative errno.
int wait_for_one(io_uring& ring) {
  int result = io_uring_submit_and_wait(&ring, 1);
  io_uring_cqe* cqe = nullptr;
  while (io_uring_peek_cqe(&ring, &cqe) != 0) {
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) return result;
    result = io_uring_submit_and_wait(&ring, 1);
  }
  result = cqe->res;
  io_uring_cqe_seen(&ring, cqe);
  return result;
}

bool passes(int result) {
  return result == -EINTR || result == -EAGAIN;
}

int copy(io_uring& ring, int from, int to) {
  std::vector<char> buffer(4096);
  for (std::uint64_t offset = 0;;) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring);
    io_uring_prep_read(entry, from, buffer.data(), static_cast<unsigned>(buffer.size()), offset);
    io_uring_sqe_set_data64(entry, 1);
    const int got = wait_for_one(ring);
    if (passes(got)) continue;
    if (got <= 0) return got;
    for (int written = 0; written < got;) {
      entry = io_uring_get_sqe(&ring);
      io_uring_prep_write(entry, to, buffer.data() + written, static_cast<unsigned>(got - written),
                          offset + static_cast<std::uint64_t>(written));
      io_uring_sqe_set_data64(entry, 2);
      const int wrote = wait_for_one(ring);
      if (wrote < 0 && !passes(wrote)) return wrote;
      if (wrote > 0) written += wrote;
    }
    offset += static_cast<std::uint64_t>(got);
  }
}

}  // namespace

int copy_file(const char* from_path, const char* to_path) {
  io_uring ring;
  if (const int error = io_uring_queue_init(8, &ring, 0); error < 0) return error;
  const int from = open(from_path, O_RDONLY | O_CLOEXEC);
  const int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const int result = from < 0 || to < 0 ? -errno : copy(ring, from, to);
  if (from >= 0) close(from);
  if (to >= 0) close(to);
  io_uring_queue_exit(&ring);
  return result;
}
