// The smallest program on io_uring: one greeting goes through both rings.
#include <liburing.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

int main() {
  io_uring ring;
  if (const int error = io_uring_queue_init(8, &ring, 0); error < 0) {
    std::fprintf(stderr, "no ring: %s; `./tools/percore doctor` says why\n", std::strerror(-error));
    return 3;
  }

  constexpr std::string_view greeting = "hello, world\n";
  io_uring_sqe* entry = io_uring_get_sqe(&ring);  // 1. a free entry in the submission queue
  io_uring_prep_write(entry, STDOUT_FILENO, greeting.data(), greeting.size(), -1);  // 2. what to do
  io_uring_sqe_set_data64(entry, 17);  // 3. our name for it: the kernel gives it back untouched
  if (io_uring_submit_and_wait(&ring, 1) != 1) return 1;  // 4. the one system call

  io_uring_cqe* completion = nullptr;
  io_uring_wait_cqe(&ring, &completion);  // 5. the answer is there already: this only looks
  std::printf("operation %llu is complete, res = %d\n",
              static_cast<unsigned long long>(completion->user_data), completion->res);
  io_uring_cqe_seen(&ring, completion);  // 6. its place in the completion queue is free again

  io_uring_queue_exit(&ring);
}
