#pragma once

#include <liburing.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <percore/sim.hpp>

namespace percore::sim::test {

/// Without doctest: for programs under ThreadSanitizer and for those run as processes of their own.
/// An eventfd that a ring sleeps on.
struct Bell {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::uint64_t count = 0;

  Bell() = default;
  ~Bell() { ::close(fd); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
  }
  void arm(io_uring& ring, std::uint64_t user_data) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    io_uring_prep_read(sqe, fd, &count, sizeof count, -1);
    io_uring_sqe_set_data64(sqe, user_data);
  }
};

/// Submits, and waits for one completion, whatever the kernel does meanwhile.
/// Returns  its result, or the error of a wait that cannot end.
inline int wait_for_one(io_uring& ring) {
  for (;;) {
    const int entered = io_uring_submit_and_wait(&ring, 1);
    io_uring_cqe* cqe = nullptr;
    if (io_uring_peek_cqe(&ring, &cqe) == 0) {
      const int result = cqe->res;
      io_uring_cqe_seen(&ring, cqe);
      return result;
    }
    if (entered == -EDEADLK || entered == -EBADF) return entered;
  }
}

}  // namespace percore::sim::test
