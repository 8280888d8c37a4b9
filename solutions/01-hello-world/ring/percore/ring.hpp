#pragma once

#include <percore/contract/ring.hpp>
#include <percore/ring_setup.hpp>

namespace percore {

/// A pair of queues shared with the kernel. See contract/ring.hpp for what each function promises.
/// Thread   one: the thread that constructs it also uses and destroys it.
/// Memory   owns the queues; operations and their buffers belong to the callers.
class Ring {
 public:
  explicit Ring(const RingOptions& options = {});
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  io_uring_sqe& entry(Operation& operation);
  void reserve(unsigned entries);
  unsigned turn(Wait wait, Time deadline = Time::never());
  bool has_completions() const noexcept;
  unsigned unsubmitted() const noexcept;
  unsigned in_flight() const noexcept { return in_flight_; }
  void cancel_all();
  void drain();
  RingCounts counts() const noexcept { return counts_; }
  io_uring& native() noexcept { return ring_; }

 private:
  bool kernel_holds_completions() const noexcept;
  int enter(Wait wait, Time deadline);
  unsigned harvest();

  io_uring ring_{};
  unsigned in_flight_ = 0;
  bool harvesting_ = false;
  RingCounts counts_;
};

static_assert(RingContract<Ring>);

}  // namespace percore
