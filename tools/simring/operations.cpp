// What each opcode does, and how an operation ends: its completion, the fate of what is linked
// behind it, and of what waits for a drain.

#include <algorithm>

#include "state.hpp"

namespace percore::sim {

namespace {

#ifndef IORING_NOP_INJECT_RESULT
constexpr unsigned nop_inject_result = 1u << 0;  // Linux 6.10; liburing 2.3 has no name for it
#else
constexpr unsigned nop_inject_result = IORING_NOP_INJECT_RESULT;
#endif

constexpr unsigned clock_flags = IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME;

int read_timespec(std::uint64_t address, Nanoseconds& out) {
  if (!mapped(reinterpret_cast<const void*>(address), sizeof(__kernel_timespec))) return -EFAULT;
  const auto time = *reinterpret_cast<const __kernel_timespec*>(address);
  if (time.tv_sec < 0 || time.tv_nsec < 0) return -EINVAL;
  out = to_nanoseconds(time);
  return 0;
}

int prepare_timeout(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  const unsigned known = IORING_TIMEOUT_ABS | clock_flags | IORING_TIMEOUT_ETIME_SUCCESS;
  const bool watches = sqe.opcode == IORING_OP_LINK_TIMEOUT;
  if ((sqe.timeout_flags & ~known) != 0 || sqe.len != 1 || sqe.buf_index != 0 ||
      sqe.splice_fd_in != 0)
    return -EINVAL;
  if ((sqe.timeout_flags & clock_flags) == clock_flags || (watches && sqe.off != 0)) return -EINVAL;
  return read_timespec(sqe.addr, operation.timeout);
}

int prepare_timeout_remove(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if ((sqe.timeout_flags & IORING_TIMEOUT_UPDATE_MASK) == 0)
    return sqe.timeout_flags == 0 ? 0 : -EINVAL;
  const unsigned known = IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | clock_flags;
  if ((sqe.timeout_flags & ~known) != 0) return -EINVAL;
  return read_timespec(sqe.addr2, operation.timeout);
}

Nanoseconds time_left(const Operation& operation) {
  const bool absolute = (operation.sqe.timeout_flags & IORING_TIMEOUT_ABS) != 0;
  return std::max<Nanoseconds>(absolute ? operation.timeout - session().clock : operation.timeout,
                               0);
}

bool counts_as_failure(const Operation& operation, int result) {
  switch (operation.sqe.opcode) {
    case IORING_OP_TIMEOUT:
    case IORING_OP_LINK_TIMEOUT:
      if (result == -ETIME && (operation.sqe.timeout_flags & IORING_TIMEOUT_ETIME_SUCCESS) != 0)
        return false;
      return result < 0;
    case IORING_OP_NOP:
      return result < 0;
    default:
      break;
  }
  if (operation.is_read() || operation.is_write()) {
    return result < 0 || static_cast<std::uint64_t>(result) != operation.length;
  }
  return result < 0;
}

void stop_flying(Operation& operation) {
  operation.ring->due.erase({operation.due, operation.id});
  std::erase(operation.ring->parked, operation.id);
}

void complete(Operation& operation);

// Behind a failure: everything linked completes with ECANCELED, in order; entries refused at
// submission keep their own error. Whether their completions are posted is what the failed one
// asked for itself.
void cancel_chain(Ring& ring, Id next, bool skip) {
  while (Operation* const behind = next == 0 ? nullptr : find_operation(ring, next)) {
    next = behind->next;
    behind->next = 0;
    if (!behind->result_fixed) behind->result = -ECANCELED;
    behind->result_fixed = behind->failed = true;
    behind->skip_always = skip;
    complete(*behind);
  }
}

void end_counted_timeouts(Ring& ring) {
  for (std::size_t index = 0; index < ring.counted.size();) {
    Operation* const timeout = find_operation(ring, ring.counted[index]);
    const bool over =
        timeout == nullptr || timeout->state != State::flying || timeout->result_fixed;
    if (!over && ring.posted < timeout->timeout_target) {
      ++index;
      continue;
    }
    ring.counted.erase(ring.counted.begin() + static_cast<std::ptrdiff_t>(index));
    if (over) continue;
    stop_flying(*timeout);
    finish(*timeout, 0);
    index = 0;  // finishing may have completed, and so counted, more
  }
}

void let_drained_go(Ring& ring) {
  while (!ring.drained.empty()) {
    Operation* const head = find_operation(ring, ring.drained.front());
    if (find_operation(ring, ring.barrier) != nullptr) return;
    if (head->is_drain && ring.live.begin()->first != head->id) return;
    ring.drained.pop_front();
    start_chain(*head);
  }
}

// The end of an operation: from here on its record and its buffers are the program's again.
void complete(Operation& operation) {
  Ring& ring = *operation.ring;
  stop_flying(operation);
  const bool skipped = operation.skip_always || (operation.skip_on_success && !operation.failed);
  const bool is_timeout = operation.sqe.opcode == IORING_OP_TIMEOUT;
  const bool breaks = operation.failed && (operation.sqe.flags & IOSQE_IO_HARDLINK) == 0;
  const bool skip_rest = operation.failed && operation.skip_on_success;
  const Id id = operation.id, next = operation.next, link_timeout = operation.link_timeout;
  const std::uint64_t user_data = operation.sqe.user_data;
  const int result = operation.result;
  ring.live.erase(id);
  if (!skipped) post_completion(ring, id, user_data, result, 0);
  if (!is_timeout) ++ring.posted;
  if (Operation* const timer = link_timeout == 0 ? nullptr : find_operation(ring, link_timeout)) {
    timer->result = -ECANCELED;
    timer->failed = true;
    timer->skip_always = breaks && skip_rest;
    complete(*timer);
  }
  if (breaks) {
    cancel_chain(ring, next, skip_rest);
  } else if (Operation* const behind = next == 0 ? nullptr : find_operation(ring, next)) {
    issue(*behind);
  }
  if (!ring.counted.empty()) end_counted_timeouts(ring);
  if (!ring.drained.empty()) let_drained_go(ring);
}

void link_timeout_fires(Operation& timer) {
  Operation* const target = find_operation(*timer.ring, timer.guards);
  int result = -ETIME;
  if (target != nullptr) {
    target->link_timeout = 0;
    const int cancelled = cancel_one(*target);
    if (cancelled != 0) result = cancelled;
  }
  finish(timer, result);
}

// The moment an operation's work is done: afterwards it has finished, or is parked.
void perform(Operation& operation, bool may_post_now) {
  if (operation.result_fixed) return finish(operation, operation.result, may_post_now);
  switch (operation.sqe.opcode) {
    case IORING_OP_NOP: {
      const bool inject = (operation.sqe.rw_flags & nop_inject_result) != 0;
      return finish(operation, inject ? static_cast<int>(operation.sqe.len) : 0, may_post_now);
    }
    case IORING_OP_TIMEOUT:
      return finish(operation, -ETIME, may_post_now);
    case IORING_OP_LINK_TIMEOUT:
      return link_timeout_fires(operation);
    default:
      break;
  }
  const int result = transfer(operation);
  if (result != would_block) return finish(operation, result, may_post_now);
  operation.state = State::parked;
  operation.ring->parked.push_back(operation.id);
  note(operation.ring,
       {.kind = Event::Kind::parked, .fd = operation.sqe.fd, .operation = operation.id});
}

void arm_link_timeout(Operation& operation) {
  Operation* const behind =
      operation.next == 0 ? nullptr : find_operation(*operation.ring, operation.next);
  if (behind == nullptr || behind->sqe.opcode != IORING_OP_LINK_TIMEOUT) return;
  operation.link_timeout = behind->id;
  operation.next = behind->next;
  behind->next = 0;
  behind->guards = operation.id;
  fly(*behind, time_left(*behind));
}

}  // namespace

Operation* find_operation(Ring& ring, Id id) {
  const auto found = ring.live.find(id);
  return found == ring.live.end() ? nullptr : &found->second;
}

void start_chain(Operation& head) {
  if (head.is_drain) {
    const Operation* last = &head;
    while (last->next != 0) last = find_operation(*head.ring, last->next);
    head.ring->barrier = last->id;
  }
  issue(head);
}

int prepare(Operation& operation) {
  switch (operation.sqe.opcode) {
    case IORING_OP_NOP:
      return (operation.sqe.rw_flags & ~nop_inject_result) == 0 ? 0 : -EINVAL;
    case IORING_OP_TIMEOUT:
    case IORING_OP_LINK_TIMEOUT:
      return prepare_timeout(operation);
    case IORING_OP_TIMEOUT_REMOVE:
      return prepare_timeout_remove(operation);
    case IORING_OP_ASYNC_CANCEL:
      return (operation.sqe.cancel_flags & ~0x3Fu) == 0 ? 0 : -EINVAL;
    default:
      return prepare_transfer(operation);
  }
}

void issue(Operation& operation) {
  Ring& ring = *operation.ring;
  note(operation.ring, {.kind = Event::Kind::issued, .operation = operation.id});
  if (!operation.result_fixed) arm_link_timeout(operation);
  if (operation.result_fixed) return finish(operation, operation.result, true);
  switch (operation.sqe.opcode) {
    case IORING_OP_TIMEOUT:
      if (operation.sqe.off != 0) {
        operation.timeout_target = ring.posted + operation.sqe.off;
        ring.counted.push_back(operation.id);
      }
      return fly(operation, time_left(operation));
    case IORING_OP_ASYNC_CANCEL:
      operation.result = cancel(ring, operation.sqe.addr, operation.sqe.fd,
                                operation.sqe.cancel_flags, operation.sqe.len, operation.id);
      operation.result_fixed = true;
      break;
    case IORING_OP_TIMEOUT_REMOVE:
      operation.result = change_timeout(ring, operation);
      operation.result_fixed = true;
      break;
    default:
      break;
  }
  if (operation.delay != 0) return fly(operation, operation.delay);
  perform(operation, true);
}

void fly(Operation& operation, Nanoseconds delay) {
  Session& now = session();
  operation.state = State::flying;
  operation.due = now.clock + delay;
  operation.ring->due.insert({operation.due, operation.id});
  now.next_due = std::min(now.next_due, operation.due);
}

void finish(Operation& operation, int result, bool may_post_now) {
  Ring& ring = *operation.ring;
  stop_flying(operation);
  operation.state = State::finished;
  operation.result = result;
  operation.failed = operation.failed || counts_as_failure(operation, result);
  note(operation.ring,
       {.kind = Event::Kind::finished, .result = result, .operation = operation.id});
  // A plain ring's completions are posted at once, by interrupting the program; the other kinds
  // wait for it.
  if (may_post_now || (!ring.deferred() && !ring.cooperative())) return complete(operation);
  ring.finished.push_back(operation.id);
  update_flags(ring);
}

void run_finished(Ring& ring) {
  while (!ring.finished.empty()) {
    Operation* const operation = find_operation(ring, ring.finished.front());
    ring.finished.pop_front();
    if (operation != nullptr) complete(*operation);
  }
  update_flags(ring);
}

void perform_due() {
  Session& now = session();
  for (refresh_next_due(); now.next_due <= now.clock;
       refresh_next_due()) {  // a cancel may have removed the next
    Ring* earliest = nullptr;
    for (Ring* ring : now.open_rings) {
      if (ring->due.empty()) continue;
      if (earliest == nullptr || ring->due.begin()->first < earliest->due.begin()->first)
        earliest = ring;
    }
    const Id id = earliest->due.begin()->second;
    earliest->due.erase(earliest->due.begin());
    perform(*find_operation(*earliest, id), false);
  }
}

void refresh_next_due() {
  Session& now = session();
  now.next_due = std::numeric_limits<Nanoseconds>::max();
  for (const Ring* ring : now.open_rings) {
    if (!ring->due.empty()) now.next_due = std::min(now.next_due, ring->due.begin()->first);
  }
}

}  // namespace percore::sim
