#include <percore/ring.hpp>

#include <cerrno>
#include <utility>

namespace percore {

Ring::Ring(const RingOptions& options) {
  auto opened = open_ring(ring_, options);
  if (!opened) throw RingUnavailable(std::move(opened.error()));
}

Ring::~Ring() {
  cancel_all();
  drain();
  io_uring_queue_exit(&ring_);
}

// Submission

io_uring_sqe& Ring::entry(Operation& operation) {
  reserve(1);
  operation.mark_in_flight();
  ++in_flight_;
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
  io_uring_sqe_set_data(sqe, &operation);
  return *sqe;
}

void Ring::reserve(unsigned entries) {
  PERCORE_ASSERT(entries <= ring_.sq.ring_entries,
                 "a chain is longer than the submission queue: open a larger ring");
  while (io_uring_sq_space_left(&ring_) < entries) turn(Wait::no);
}

unsigned Ring::unsubmitted() const noexcept {
  return io_uring_sq_ready(&ring_);
}

// One system call at most, which submits and, if told to, sleeps. Returns 0 or a positive errno.
int Ring::enter(Wait wait, Time deadline) {
  const unsigned before = unsubmitted();
  if (wait == Wait::no && before == 0 && !kernel_holds_completions()) return 0;
  int result = 0;
  if (wait == Wait::no) {
    result = io_uring_submit_and_get_events(&ring_);
  } else if (deadline == Time::never()) {
    result = io_uring_submit_and_wait(&ring_, 1);
  } else {
    const Time left = deadline - now();
    __kernel_timespec timeout{};
    if (left > Time{0}) {
      timeout.tv_sec = left.nanoseconds / 1'000'000'000;
      timeout.tv_nsec = left.nanoseconds % 1'000'000'000;
    }
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  ++counts_.enters;
  // Not `result`: the kernel may take entries and still report the error of the wait.
  counts_.submitted += before - unsubmitted();
  return result < 0 ? -result : 0;
}

// Harvest

unsigned Ring::turn(Wait wait, Time deadline) {
  const bool completions_there = io_uring_cq_ready(&ring_) != 0;
  const int error = enter(completions_there ? Wait::no : wait, deadline);
  // A signal, the deadline, a kernel short of memory, completions that must be collected first:
  // what was not submitted stays queued, and the next turn tries again.
  const bool passes = error == EINTR || error == ETIME || error == EAGAIN || error == EBUSY;
  PERCORE_ASSERT(error == 0 || passes,
                 "io_uring_enter failed for good; was the ring used from another thread (EEXIST)?");
  return harvest();
}

unsigned Ring::harvest() {
  if (harvesting_) return 0;  // called by a completion that needed an entry of a full queue
  harvesting_ = true;
  unsigned completions = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    auto* const operation = static_cast<Operation*>(io_uring_cqe_get_data(cqe));
    const bool last = (cqe->flags & IORING_CQE_F_MORE) == 0;
    if (last) --in_flight_;
    ++completions;
    operation->complete(cqe->res, cqe->flags, last);
  }
  io_uring_cq_advance(&ring_, completions);  // only now may the kernel write over them
  counts_.completions += completions;
  harvesting_ = false;
  return completions;
}

bool Ring::kernel_holds_completions() const noexcept {
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool Ring::has_completions() const noexcept {
  return io_uring_cq_ready(&ring_) != 0 || kernel_holds_completions();
}

// The end

namespace {
struct Cancel final : Operation {
  Cancel() : Operation([](Operation&, std::int32_t, std::uint32_t) noexcept {}) {}
};
}  // namespace

void Ring::cancel_all() {
  if (in_flight_ == 0) return;
  Cancel cancel;
  io_uring_prep_cancel(&entry(cancel), nullptr, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  while (cancel.in_flight()) turn(Wait::for_completion);
}

void Ring::drain() {
  while (in_flight_ != 0) turn(Wait::for_completion);
}

}  // namespace percore
