#include <percore/ring.hpp>

#include <cerrno>
#include <utility>

// The ring of the runtime. Two steps: "submit" brings entries to the kernel, "harvest" brings
// completions back. What liburing offers, and all you need of it:
//
//   io_uring_get_sqe(&ring_)                next free entry, or null: the submission queue is full
//   io_uring_sqe_set_data(sqe, pointer)     the name under which the completion will come back
//   io_uring_sq_ready(&ring_)               entries filled in that the kernel has not taken yet
//   io_uring_sq_space_left(&ring_)          free entries
//   ring_.sq.ring_entries                   entries of the whole submission queue
//   io_uring_submit_and_get_events(&ring_)  one enter: submits, collects, does not sleep
//   io_uring_submit_and_wait(&ring_, 1)     one enter: submits, sleeps until a completion is there
//   io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &timespec, nullptr)  ... or the time is up
//   io_uring_cq_ready(&ring_)               completions that are there
//   io_uring_for_each_cqe(&ring_, head, cqe) { }   looks at each of them, removes none
//   io_uring_cq_advance(&ring_, n)          gives n places back: the kernel may write over them
//   io_uring_cqe_get_data(cqe)              the name that the entry was given
//   io_uring_prep_cancel(sqe, nullptr, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL)
//
// They return a negative errno (-EINTR); `errno` itself is not set.

namespace percore {

Ring::Ring(const RingOptions& options) {
  auto opened = open_ring(ring_, options);
  if (!opened) throw RingUnavailable(std::move(opened.error()));
}

Ring::~Ring() {
  // TODO harvest (R6): the kernel may still write into our callers' buffers. Make sure that nothing
  // is in flight before the ring closes; cancel_all() and drain() below are for that.
  io_uring_queue_exit(&ring_);
}

// ---------------------------------------------------------------- Step "submit"

io_uring_sqe& Ring::entry(Operation& operation) {
  // TODO submit (R1, R4): the next free entry, named by the address of `operation`. Never null:
  // when the queue is full, what is in it is submitted first. Tell the operation (mark_in_flight)
  // and count it. The caller prepares the entry after we have returned it; the prep functions of
  // liburing leave the name alone.
  static_cast<void>(operation);
  static io_uring_sqe nowhere;
  return nowhere;
}

void Ring::reserve(unsigned entries) {
  // TODO submit: takes turns until `entries` entries are free, because a linked chain must go to
  // the kernel in one submit. More than the queue has at all is the caller's mistake:
  // PERCORE_ASSERT.
  static_cast<void>(entries);
}

unsigned Ring::unsubmitted() const noexcept {
  // TODO submit: entries handed out that the kernel has not taken yet.
  return 0;
}

int Ring::enter(Wait wait, Time deadline) {
  // TODO submit (R2): one system call at most. Returns 0, or the errno as a positive number.
  //   Wait::no              submits and collects. With nothing to submit, and no completion held
  //                         back by the kernel (kernel_holds_completions() below), no call at all.
  //   Wait::for_completion  submits, and sleeps until a completion is there, or until `deadline`,
  //                         which is a moment of now(); Time::never() means: no deadline.
  // Counts counts_.enters, and in counts_.submitted the entries that the kernel *took*: it may take
  // fewer than it was given, and it may take some and still report an error of the wait.
  static_cast<void>(wait);
  static_cast<void>(deadline);
  return 0;
}

unsigned Ring::turn(Wait wait, Time deadline) {
  // TODO submit (R2): never sleeps when completions are there already. Errors that pass by
  // themselves end the turn early and what was not submitted stays queued: EINTR (a signal), ETIME
  // (the deadline), EAGAIN (the kernel is short of memory), EBUSY (completions must be collected
  // first). Any other is for good: PERCORE_ASSERT.
  const int error = enter(wait, deadline);
  static_cast<void>(error);
  return harvest();
}

// --------------------------------------------------------------- Step "harvest"

unsigned Ring::harvest() {
  // TODO harvest (R3, R4, R5): hands every completion that is there to its operation, in the order
  // of the queue, with operation->complete(cqe->res, cqe->flags, last); then gives the places back.
  // `last`: no IORING_CQE_F_MORE in the flags; only then the operation is no longer in flight.
  // Counts counts_.completions and returns how many there were.
  //
  // While complete() runs, the operation may ask for an entry(); should the queue be full, that
  // takes a turn, and we are called a second time within the first. No completion may be handed
  // over twice.
  return 0;
}

bool Ring::kernel_holds_completions() const noexcept {
  // Done. Two reasons for which the kernel wants to be entered before it shows completions:
  // TASKRUN, there is work which it does only when we call; CQ_OVERFLOW, the completion queue was
  // full and it keeps the rest aside.
  const unsigned flags = __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool Ring::has_completions() const noexcept {
  // TODO harvest: completions are there, or the kernel holds some back.
  return false;
}

void Ring::cancel_all() {
  // TODO harvest: asks the kernel to cancel all that is in flight. The request is an entry like any
  // other, with an Operation of its own (derive a small struct from it); take turns until *that*
  // has completed, so that it may go. For the others it only asks: what it cancels still completes,
  // with -ECANCELED or with a result that came first. So in_flight() does not go down here for the
  // others. Nothing in flight: nothing to do.
}

void Ring::drain() {
  // TODO harvest: takes turns, asleep between completions, until nothing is in flight.
}

}  // namespace percore
