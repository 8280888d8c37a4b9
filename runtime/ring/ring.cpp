#include <percore/ring.hpp>

#include <sched.h>

#include <cerrno>

namespace percore {
namespace {

// How often a full submission queue is offered to a kernel that takes nothing before we call it
// broken.
constexpr int flush_attempts_max = 10'000;

constexpr Time cancel_again_after{10'000'000};

struct CancelAll final : Operation {
  CancelAll() : Operation([](Operation&, std::int32_t, std::uint32_t) noexcept {}) {}
};

// What enter() may answer when nothing is wrong for good:
//   EINTR   a signal came while we slept
//   ETIME   the deadline passed
//   EAGAIN  the kernel had no memory for requests; what it did not take stays queued
//   EBUSY   completions that overflowed must be collected before it takes more
bool passes_by_itself(int error) {
  return error == EINTR || error == ETIME || error == EAGAIN || error == EBUSY;
}

}  // namespace

Ring::Ring(const RingOptions& options) {
  auto opened = open_ring(ring_, options);
  if (!opened) throw RingUnavailable(std::move(opened.error()));
  report_ = std::move(*opened);
}

Ring::~Ring() {
  // Again and again: what is linked behind an operation that a cancel came too late for starts only
  // when that one has ended, and may wait for ever.
  for (cancel_all(); in_flight_ != 0; cancel_all())
    turn(Wait::for_completion, now() + cancel_again_after);
  io_uring_queue_exit(&ring_);
}

unsigned Ring::turn(Wait wait, Time deadline) {
  if (io_uring_cq_ready(&ring_) != 0) wait = Wait::no;
  const int error = enter(wait, deadline);
  PERCORE_ASSERT(error == 0 || passes_by_itself(error),
                 "io_uring_enter failed in a way that cannot pass; was the ring used from another "
                 "thread (EEXIST)?");
  const unsigned completions = harvest();
  // The kernel is short of something that only other threads can give back; do not spin on it.
  if (completions == 0 && (error == EAGAIN || error == EBUSY)) sched_yield();
  return completions;
}

int Ring::enter(Wait wait, Time deadline) {
  const unsigned before = io_uring_sq_ready(&ring_);
  int result = 0;
  if (wait == Wait::no) {
    const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
    if (before == 0 && (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0) return 0;
    result = io_uring_submit_and_get_events(&ring_);
  } else if (deadline == Time::never()) {
    result = io_uring_submit_and_wait(&ring_, 1);
  } else {
    const Time left = deadline - now();
    const std::int64_t nanoseconds = left.nanoseconds > 0 ? left.nanoseconds : 0;
    __kernel_timespec timeout{.tv_sec = nanoseconds / 1'000'000'000,
                              .tv_nsec = nanoseconds % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  ++counts_.enters;
  counts_.submitted += before - io_uring_sq_ready(&ring_);
  return result < 0 ? -result : 0;
}

unsigned Ring::harvest() {
  if (harvesting_)
    return 0;  // a completion that needs an entry of a full queue: R3, each is handed over once
  harvesting_ = true;
  unsigned head = 0;
  unsigned completions = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    auto* const operation = static_cast<Operation*>(io_uring_cqe_get_data(cqe));
    const bool last = (cqe->flags & IORING_CQE_F_MORE) == 0;
    if (last) --in_flight_;
    ++completions;
    operation->complete(cqe->res, cqe->flags, last);
  }
  io_uring_cq_advance(&ring_, completions);
  harvesting_ = false;
  counts_.completions += completions;
  return completions;
}

io_uring_sqe* Ring::entry_of_full_queue() {
  for (int attempt = 0; attempt < flush_attempts_max; ++attempt) {
    turn(Wait::no);
    if (io_uring_sqe* const sqe = io_uring_get_sqe(&ring_); sqe != nullptr) return sqe;
  }
  assertion_failed(__FILE__, __LINE__,
                   "the submission queue stayed full: the kernel takes no more entries");
}

void Ring::reserve(unsigned entries) {
  PERCORE_ASSERT(entries <= ring_.sq.ring_entries,
                 "a chain is longer than the submission queue: open a larger ring");
  for (int attempt = 0; io_uring_sq_space_left(&ring_) < entries; ++attempt) {
    PERCORE_ASSERT(attempt < flush_attempts_max,
                   "the submission queue stayed full: the kernel takes no more entries");
    turn(Wait::no);
  }
}

void Ring::cancel_all() {
  if (in_flight_ == 0) return;
  CancelAll cancel;
  // What is still queued must reach the kernel first, or the cancel would not find it.
  io_uring_sqe& sqe = entry(cancel);
  io_uring_prep_cancel(&sqe, nullptr, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  while (cancel.in_flight()) turn(Wait::for_completion);
}

void Ring::drain() {
  while (in_flight_ != 0) turn(Wait::for_completion);
}

}  // namespace percore
