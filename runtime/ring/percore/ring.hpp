#pragma once

#include <percore/contract/ring.hpp>
#include <percore/ring_setup.hpp>

namespace percore {

/// A pair of queues shared with the kernel: entries go in, completions come out. See
/// contract/ring.hpp. Throws   RingUnavailable from the constructor, with the reason and the
/// remedy. Thread   one: the thread that constructs it also uses and destroys it (SINGLE_ISSUER).
/// Memory   owns the queues. Operations and buffers belong to the callers, until their last
/// completion. Source   io_uring(7), io_uring_enter(2).
class Ring {
 public:
  explicit Ring(const RingOptions& options = {});
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring_sqe& entry(Operation& operation) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    if (sqe == nullptr) [[unlikely]]
      sqe = entry_of_full_queue();
    operation.mark_in_flight();
    ++in_flight_;
    io_uring_sqe_set_data(sqe, &operation);
    return *sqe;
  }

  void reserve(unsigned entries);
  unsigned turn(Wait wait, Time deadline = Time::never());

  /// Under DEFER_TASKRUN the kernel moves the tail only when it is entered; until then it raises a
  /// flag.
  bool has_completions() const noexcept {
    const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
    return io_uring_cq_ready(&ring_) != 0 ||
           (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }

  unsigned unsubmitted() const noexcept { return io_uring_sq_ready(&ring_); }
  unsigned in_flight() const noexcept { return in_flight_; }
  void cancel_all();
  void drain();
  RingCounts counts() const noexcept { return counts_; }
  io_uring& native() noexcept { return ring_; }

  /// Which flags the kernel granted.
  const RingReport& report() const noexcept { return report_; }

 private:
  int enter(Wait wait, Time deadline);
  unsigned harvest();
  io_uring_sqe* entry_of_full_queue();

  io_uring ring_{};
  unsigned in_flight_ = 0;
  bool harvesting_ = false;
  RingCounts counts_;
  RingReport report_;
};

static_assert(RingContract<Ring>);

}  // namespace percore
