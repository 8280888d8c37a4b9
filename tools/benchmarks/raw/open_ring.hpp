#pragma once

#include <liburing.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// The same set-up as percore's, so that only what comes after it differs.
inline void open_ring(io_uring& ring, unsigned entries = 256) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL;
  int error = io_uring_queue_init_params(entries, &ring, &params);
  if (error == -EINVAL) {
    params = {};
    error = io_uring_queue_init_params(entries, &ring, &params);
  }
  if (error < 0) {
    std::fprintf(stderr, "no ring: %s\n", std::strerror(-error));
    std::exit(3);
  }
  io_uring_register_ring_fd(&ring);
}
