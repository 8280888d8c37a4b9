#pragma once

#include <liburing.h>

#include <cstdint>
#include <expected>
#include <stdexcept>
#include <string>
#include <vector>

namespace percore {

/// entries             submission queue entries; rounded up to a power of two, clamped to what the
/// kernel allows. completion_entries  completion queue entries; 0 leaves the kernel's choice, twice
/// `entries`.
struct RingOptions {
  unsigned entries = 256;
  unsigned completion_entries = 0;
};

/// What the kernel granted. `lost` has one sentence for each thing that it did not.
struct RingReport {
  bool single_issuer = false;
  bool defer_taskrun = false;
  bool coop_taskrun = false;
  bool ring_fd_registered = false;
  std::vector<std::string> lost;
};

enum class RingFailureCause {
  old_kernel,
  disabled_by_sysctl,
  blocked_by_filter,
  memlock_too_low,
  out_of_descriptors,
  other,
};

/// Why no ring could be opened: `sentence` says what went wrong, `remedy` the exact thing to do.
struct RingFailure {
  RingFailureCause cause = RingFailureCause::other;
  int error = 0;
  std::string sentence;
  std::string remedy;
};

/// What is thrown by those who cannot go on without a ring. what() is the sentence and the remedy.
class RingUnavailable : public std::runtime_error {
 public:
  explicit RingUnavailable(RingFailure failure)
      : std::runtime_error(failure.sentence + " " + failure.remedy), failure_(std::move(failure)) {}
  const RingFailure& failure() const noexcept { return failure_; }

 private:
  RingFailure failure_;
};

/// What the diagnosis looks at. Gathered apart from the judgement, so that tests can show every
/// case without owning every kernel.
struct RingSurroundings {
  std::string kernel_release;
  int io_uring_disabled = -1;  // -1: this kernel has no such switch (before 6.6)
  bool seccomp_filter = false;
  std::uint64_t memlock_bytes = 0;
};

/// Opens a ring in `ring` with the best flags that this kernel knows, best first:
///   SINGLE_ISSUER | DEFER_TASKRUN (6.1)   completions are worked on only when this thread asks for
///   them SINGLE_ISSUER | COOP_TASKRUN (6.0)    ... at the next system call, without interrupting
///   the thread COOP_TASKRUN (5.19) none (5.11)                           ... by interrupting it
/// TASKRUN_FLAG and SUBMIT_ALL go with all but the last. The ring's descriptor is registered where
/// possible. Returns  what was granted; the caller then owns the ring and calls
/// io_uring_queue_exit(). Errors   a diagnosis; `ring` is then untouched. Throws   std::bad_alloc,
/// where there is no memory for words; no ring is then left open. Thread   the one that will use
/// the ring: SINGLE_ISSUER answers any other with EEXIST. Source   io_uring_setup(2);
/// io_uring_register(2) IORING_REGISTER_RING_FDS (5.18).
std::expected<RingReport, RingFailure> open_ring(io_uring& ring, const RingOptions& options);

/// Reads what explain_ring_failure() needs from the system. Thread: any.
RingSurroundings ring_surroundings();

/// Tells an old kernel, `kernel.io_uring_disabled`, a seccomp filter and a low memlock limit apart.
/// error    positive errno of io_uring_setup(2).
/// Source   io_uring_setup(2) ERRORS; kernel commit 76d3ccecfa18 (io_uring_disabled, 6.6); liburing
/// README (memlock).
RingFailure explain_ring_failure(int error, const RingSurroundings& surroundings);

}  // namespace percore
