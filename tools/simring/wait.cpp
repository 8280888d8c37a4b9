// io_uring_enter(2) as a whole, and its second half: waiting. Nobody sleeps here: the clock jumps
// to the next event.

#include <algorithm>

#include "baton.hpp"

namespace percore::sim {

namespace {

constexpr Nanoseconds enter_cost_nanoseconds = 400;
constexpr unsigned faults_in_a_row_max = 3;  // a program that tries again makes progress

void check_budget() {
  Session& now = session();
  if (now.enter_budget == 0 || now.counts.enters != now.enter_budget + 1) return;
  violate(Rule::too_many_enters, 0,
          "more than " + std::to_string(now.enter_budget) +
              " system calls (io_uring_enter); fill in several entries, then submit and wait for "
              "them in one call");
}

std::string blame_sleep(Ring& ring, unsigned wanted) {
  std::string sentence = "the program sleeps for ever: it waits for " + std::to_string(wanted) +
                         (wanted == 1 ? " completion" : " completions") + ", there are " +
                         std::to_string(ring.ready());
  const unsigned unsubmitted = ring.acquired_tail - ring.shared->sq_head;
  if (ring.live.empty()) {
    sentence += ", and no operation is in flight";
  } else {
    const Operation& oldest = ring.live.begin()->second;
    sentence += ", and " + std::to_string(ring.live.size()) +
                " in flight cannot go on (the oldest is operation " + std::to_string(oldest.id) +
                ", " + opcode_name(oldest.sqe.opcode) + " on descriptor " +
                std::to_string(oldest.sqe.fd) + ", which nobody makes ready)";
  }
  if (unsubmitted != 0) {
    sentence +=
        "; " + std::to_string(unsubmitted) + (unsubmitted == 1 ? " entry was" : " entries were") +
        " taken from the submission queue, and the kernel has not got " +
        (unsubmitted == 1 ? "it" : "them") + ": call io_uring_submit until it has taken them all";
  } else {
    sentence += "; count what is in flight before waiting for it";
  }
  return sentence;
}

// Lets the time pass until something may have changed. Returns 0, -ETIME at the deadline, -EDEADLK
// where nothing can.
int pass_time(Ring& ring, Nanoseconds deadline, unsigned wanted) {
  Session& now = session();
  if (has_company()) return sleep_in_ring(ring, deadline, wanted);
  const Nanoseconds until = std::min(deadline, now.next_due);
  Ring* const rings[] = {&ring};
  const bool for_world = now.options.wait_for_outside && awaits_world(ring);
  if (for_world || awaits_child(ring)) {
    const Nanoseconds left = until == never ? never : until - now.clock;
    if (wait_outside(rings, left)) return 0;
    if (until == never) return -EINTR;
  }
  // What went over the loopback may still be on its way.
  if (until == never && awaits_loopback(ring) && wait_outside(rings, loopback_nanoseconds_max))
    return 0;
  if (until == never) {
    violate(Rule::sleeps_for_ever, 0, blame_sleep(ring, wanted));
    return -EDEADLK;
  }
  now.clock = std::max(now.clock, until);
  return now.next_due <= now.clock ? 0 : -ETIME;
}

int wait(Ring& ring, unsigned wanted, const __kernel_timespec* timeout) {
  Session& now = session();
  wanted = std::min(wanted, ring.cq_entries);
  if (wanted != 0) ++now.counts.waits;
  if (ring.ready() >= wanted) return 0;
  const Nanoseconds deadline = timeout == nullptr ? never : now.clock + to_nanoseconds(*timeout);
  if (deadline > now.clock) {
    ++now.counts.sleeps;
    note(&ring, {.kind = Event::Kind::slept, .result = static_cast<int>(wanted)});
    check_sleep(ring);
  }
  int result = 0;
  if (now.interruptions_in_a_row < faults_in_a_row_max &&
      fault_happens(now.options.interrupted_waits_percent)) {
    ++now.interruptions_in_a_row;
    note(&ring, {.kind = Event::Kind::fault, .result = -EINTR});
    result = -EINTR;
  } else {
    now.interruptions_in_a_row = 0;
  }
  while (result == 0 && ring.ready() < wanted) {
    result = pass_time(ring, deadline, wanted);
    perform_due();
    look_at_parked(ring);
    run_finished(ring);
    flush_overflow(ring);
  }
  return ring.ready() != 0 ? 0 : result;  // whoever finds a completion is told of no error
}

// What may stop a submit before it consumes anything.
int refuse_submit(Ring& ring) {
  Session& now = session();
  if (now.options.busy_on_overflow && !ring.overflow.empty()) return -EBUSY;
  if (now.refusals_in_a_row >= faults_in_a_row_max ||
      !fault_happens(now.options.refused_enters_percent)) {
    now.refusals_in_a_row = 0;
    return 0;
  }
  ++now.refusals_in_a_row;
  const int result = ring.overflow.empty() ? -EAGAIN : -EBUSY;
  note(&ring, {.kind = Event::Kind::fault, .result = result});
  return result;
}

struct Submitted {
  int result;  // entries consumed, or an error
  bool whole;  // the enter goes on to wait
};

Submitted submit(Ring& ring, unsigned to_submit, Fault* scripted) {
  Session& now = session();
  if (to_submit == 0) return {0, true};
  if (const int refusal = refuse_submit(ring); refusal != 0) return {refusal, false};
  unsigned limit = to_submit;
  if (to_submit > 1 && fault_happens(now.options.short_submits_percent)) {
    limit = static_cast<unsigned>(draw_amount(to_submit - 1));
    note(&ring, {.kind = Event::Kind::fault, .result = static_cast<int>(limit)});
  }
  if (scripted != nullptr && scripted->entries_max >= 0) {
    limit = std::min(limit, static_cast<unsigned>(scripted->entries_max));
    note(&ring, {.kind = Event::Kind::fault, .result = static_cast<int>(limit)});
  }
  const unsigned consumed = submit_entries(ring, limit);
  return {static_cast<int>(consumed), consumed == to_submit};
}

int refuse_caller(const Ring& ring, unsigned to_submit, unsigned flags) {
  if (ring.disabled) return -EBADFD;
  const bool others =
      (ring.flags & IORING_SETUP_SINGLE_ISSUER) != 0 && !pthread_equal(ring.issuer, pthread_self());
  const bool matters = to_submit != 0 || (ring.deferred() && (flags & IORING_ENTER_GETEVENTS) != 0);
  if (!others || !matters) return 0;
  violate(Rule::wrong_thread, 0,
          "ring " + std::to_string(ring.number) +
              " was set up for one thread (IORING_SETUP_SINGLE_ISSUER) and entered by another: the "
              "kernel answers EEXIST; use it from the thread that made it, or enabled it");
  return -EEXIST;
}

int enter_noted(Ring& ring, unsigned to_submit, unsigned min_complete, unsigned flags,
                const __kernel_timespec* timeout) {
  if (const int refusal = refuse_caller(ring, to_submit, flags); refusal != 0) return refusal;
  look_at_parked(ring);
  perform_due();
  Fault* const found = scripted_enter();
  Fault scripted;
  if (found != nullptr) {
    scripted = *found;
    session().script.erase(session().script.begin() + (found - session().script.data()));
    // A signal or a time-out strikes the wait: what was handed over has been consumed by then.
    const bool strikes_wait = scripted.result == -EINTR || scripted.result == -ETIME;
    if (scripted.result != 0) note(&ring, {.kind = Event::Kind::fault, .result = scripted.result});
    if (scripted.result != 0 && (!strikes_wait || to_submit == 0)) return scripted.result;
  }
  if ((flags & IORING_ENTER_GETEVENTS) != 0) flush_overflow(ring);
  const Submitted submitted = submit(ring, to_submit, found == nullptr ? nullptr : &scripted);
  if (!ring.deferred()) run_finished(ring);
  if (!submitted.whole || (flags & IORING_ENTER_GETEVENTS) == 0) return submitted.result;
  perform_due();
  look_at_parked(ring);  // what was submitted may have made others ready
  perform_due();
  run_finished(ring);
  flush_overflow(ring);
  if (scripted.result != 0) return submitted.result;
  const int waited = wait(ring, min_complete, timeout);
  return submitted.result > 0 ? submitted.result : waited;
}

}  // namespace

namespace {

// The whole machine stood still for a while: suspended, or a hypervisor had better things to do.
void maybe_jump() {
  Session& now = session();
  if (now.options.clock_jumps_percent == 0) return;
  Random random{now.options.seed ^ (now.counts.enters << 20)};
  if (!fault_strikes(random.percent(now.options.clock_jumps_percent))) return;
  const Nanoseconds jump = Nanoseconds{1'000'000} << random.below(11);  // 1 ms to 1 s
  now.clock += jump;
  note(nullptr, {.kind = Event::Kind::clock_jumped, .offset = static_cast<std::uint64_t>(jump)});
}

}  // namespace

int enter(Ring& ring, unsigned to_submit, unsigned min_complete, unsigned flags,
          const __kernel_timespec* timeout) {
  Session& now = session();
  maybe_hand_over();
  if (ring.closed) return -EBADF;
  maybe_jump();
  ++now.counts.enters;
  ring.looks = 0;
  now.clock += enter_cost_nanoseconds;
  note(&ring, {.kind = Event::Kind::enter,
               .result = static_cast<int>(min_complete),
               .length = to_submit,
               .offset = flags});
  check_budget();
  if (now.options.watch_buffers) check_stack(ring);
  if (!ring.buffer_groups.empty()) look_at_buffer_rings(ring);
  check_growth(ring);
  const int result = enter_noted(ring, to_submit, min_complete, flags, timeout);
  note(&ring, {.kind = Event::Kind::enter_returned, .result = result});
  return result;
}

}  // namespace percore::sim
