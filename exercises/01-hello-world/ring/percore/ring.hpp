#pragma once

#include <percore/contract/ring.hpp>
#include <percore/ring_setup.hpp>

namespace percore {

/// A pair of queues shared with the kernel. The contract, <percore/contract/ring.hpp>, says what
/// each function promises and has the invariants R1 to R6: keep it open beside this file.
///
/// The declarations below are enough; add members of your own where you need them. The bodies are
/// in ring.cpp, so that this header seldom changes.
///
/// Thread   one: the thread that constructs it also uses and destroys it.
/// Memory   owns the queues; operations and their buffers belong to the callers.
class Ring {
 public:
  explicit Ring(const RingOptions& options = {});
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Step "submit"
  io_uring_sqe& entry(Operation& operation);
  void reserve(unsigned entries);
  unsigned turn(Wait wait, Time deadline = Time::never());
  unsigned unsubmitted() const noexcept;

  // Step "harvest"
  unsigned in_flight() const noexcept { return in_flight_; }
  bool has_completions() const noexcept;
  void cancel_all();
  void drain();

  // Done
  RingCounts counts() const noexcept { return counts_; }
  io_uring& native() noexcept { return ring_; }

 private:
  bool kernel_holds_completions() const noexcept;
  int enter(Wait wait, Time deadline);
  unsigned harvest();

  io_uring ring_{};
  unsigned in_flight_ = 0;  // R4: grows at entry(), shrinks at the last completion
  RingCounts counts_;
};

static_assert(RingContract<Ring>);

}  // namespace percore
