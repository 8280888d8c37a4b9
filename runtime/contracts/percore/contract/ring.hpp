#pragma once

#include <liburing.h>

#include <concepts>
#include <cstdint>
#include <percore/assert.hpp>
#include <percore/clock.hpp>

/// Contract of the module `ring`, version 1. Ours, never swapped.
///
/// Invariants (lesson 01):
///   R1  Every entry handed out is submitted: by the next turn, or earlier when the queue is full.
///   R2  One turn makes at most one io_uring_enter, which submits, waits and collects.
///   R3  Every completion reaches the operation it belongs to, once, in the order of the completion
///       queue.
///   R4  An operation counts as in flight from entry() until its last completion (no
///       IORING_CQE_F_MORE).
///   R5  A released completion is never read again.
///   R6  The ring closes only when nothing is in flight: until then the kernel may write into the
///       callers' buffers.
namespace percore {

inline constexpr int ring_contract_version = 1;

/// One thing asked of the kernel. Its address is the entry's user_data, so it stays where it is,
/// and alive together with the buffers it names, until its last completion. Derive from it and add
/// what belongs to the operation.
class Operation {
 public:
  /// Called with the completion's `res` (a count, or a negative errno) and `flags`, on the ring's
  /// thread, while the ring collects: it may record, schedule, and ask for an entry(). It must not
  /// resume a coroutine or take a turn. Where entry() then finds the queue full it submits and
  /// hands over nothing: the collecting that is under way does that.
  using Complete = void (*)(Operation&, std::int32_t result, std::uint32_t flags) noexcept;

  explicit Operation(Complete callback) noexcept : complete_(callback) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  bool in_flight() const noexcept { return in_flight_; }

  /// For rings: at entry().
  void mark_in_flight() noexcept {
    PERCORE_ASSERT(!in_flight_,
                   "an operation was given to the ring a second time before it completed");
    in_flight_ = true;
  }

  /// For rings: hands over one completion. `last` when no IORING_CQE_F_MORE promises another one.
  void complete(std::int32_t result, std::uint32_t flags, bool last) noexcept {
    if (last) in_flight_ = false;
    complete_(*this, result, flags);
  }

 protected:
  ~Operation() {
    PERCORE_ASSERT(!in_flight_,
                   "an operation was destroyed while the kernel still has it: await it, or cancel "
                   "it and await that");
  }

 private:
  Complete complete_;
  bool in_flight_ = false;
};

/// Whether a turn may put the thread to sleep.
enum class Wait {
  no,              // submit and collect what is there
  for_completion,  // ... and sleep until there is a completion, or the deadline
};

/// Counted since the ring was opened.
struct RingCounts {
  std::uint64_t enters = 0;       // io_uring_enter system calls
  std::uint64_t submitted = 0;    // entries that the kernel took
  std::uint64_t completions = 0;  // completions handed over
};

template <typename R>
concept RingContract =
    requires(R ring, const R const_ring, Operation& operation, unsigned entries, Time deadline) {
      // The next free entry of the submission queue, its user_data set to `operation`; the caller
      // prepares it at once with an io_uring_prep_*(). When the queue is full, what is in it is
      // submitted first: never null.
      { ring.entry(operation) } -> std::same_as<io_uring_sqe&>;
      // Makes sure that the next `entries` entries go to the kernel in one submit, as a linked
      // chain must. A kernel short of memory may take a part of them all the same.
      { ring.reserve(entries) } -> std::same_as<void>;
      // One turn. Returns the number of completions handed over. Sleeps only when told to, when no
      // completion is there, and not beyond `deadline`. EINTR, EAGAIN, EBUSY and a short submit end
      // the turn early: what is left stays queued. With nothing to submit it enters only if the
      // kernel holds completions back.
      { ring.turn(Wait::no) } -> std::same_as<unsigned>;
      { ring.turn(Wait::for_completion, deadline) } -> std::same_as<unsigned>;
      // Completions are there, or the kernel holds some back until it is entered.
      { const_ring.has_completions() } -> std::same_as<bool>;
      // Entries handed out and not yet taken by the kernel.
      { const_ring.unsubmitted() } -> std::same_as<unsigned>;
      // Operations given to entry() whose last completion has not been handed over.
      { const_ring.in_flight() } -> std::same_as<unsigned>;
      // Asks the kernel to cancel all that is in flight, and takes turns until that request itself
      // is answered (its record may then go). Only asks: each operation still completes, cancelled
      // or not, now or later. What is linked behind an operation that was already being worked on
      // starts only when that one has ended: where there may be such, ask again.
      { ring.cancel_all() } -> std::same_as<void>;
      // Takes turns until nothing is in flight.
      { ring.drain() } -> std::same_as<void>;
      { const_ring.counts() } -> std::same_as<RingCounts>;
      // For what this class does not wrap. Entries taken from it directly must not be in flight
      // when the ring closes.
      { ring.native() } -> std::same_as<io_uring&>;
    };

}  // namespace percore
