#pragma once

/// Included before the learner's files when a check compiles them, for what the simulated ring
/// cannot see by itself: io_uring_cq_advance and io_uring_cqe_seen are inline in liburing and only
/// move an index. Told of it, the simulated ring takes the places back at once; what is read after
/// its release is then poison, as on a kernel that is fast. On the kernel's ring nothing changes.

#include <liburing.h>

namespace percore::check {

/// In flavour_sim.cpp and flavour_real.cpp.
void completions_released(io_uring& ring) noexcept;

}  // namespace percore::check

inline void percore_cq_advance(io_uring* ring, unsigned count) {
  io_uring_cq_advance(ring, count);
  percore::check::completions_released(*ring);
}

inline void percore_cqe_seen(io_uring* ring, io_uring_cqe* cqe) {
  io_uring_cqe_seen(ring, cqe);
  percore::check::completions_released(*ring);
}

// Function-like, so that only calls are meant.
#define io_uring_cq_advance(ring, count) percore_cq_advance(ring, count)
#define io_uring_cqe_seen(ring, cqe) percore_cqe_seen(ring, cqe)
