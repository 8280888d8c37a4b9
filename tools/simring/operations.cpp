// How an operation starts, goes on and ends: its completion, the fate of what is linked behind it,
// and of what waits for a drain. What each opcode does is in opcodes.cpp and its families' files.

#include <algorithm>

#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

bool counts_as_failure(const Operation& operation, int result) {
  const auto breaks_link = operation.opcode->breaks_link;
  if (operation.result_fixed) return result < 0;
  return breaks_link == nullptr ? result < 0 : breaks_link(operation, result);
}

// A plain ring's completions are posted at once, by interrupting the program; the other kinds wait
// for it to enter, unless it is in the submit of that very operation.
bool posts_now(const Operation& operation) {
  const Ring& ring = *operation.ring;
  return operation.in_submit || (!ring.deferred() && !ring.cooperative());
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

// What an operation leaves behind it in its chain.
struct Rest {
  Id next = 0, timer = 0;
  bool breaks = false, skips = false;
};

void go_on_behind(Ring& ring, Rest rest) {
  if (Operation* const timer = rest.timer == 0 ? nullptr : find_operation(ring, rest.timer)) {
    timer->result = -ECANCELED;
    timer->failed = true;
    timer->skip_always = rest.breaks && rest.skips;
    complete(*timer);
  }
  if (rest.breaks) {
    cancel_chain(ring, rest.next, rest.skips);
  } else if (Operation* const behind = rest.next == 0 ? nullptr : find_operation(ring, rest.next)) {
    issue(*behind);
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
  const unsigned cqe_flags = operation.cqe_flags;
  ResourcePointer file = std::move(operation.file), buffer = std::move(operation.buffer);
  ring.posts_in_submit = operation.in_submit;
  ring.live.erase(id);
  if (!skipped) post_completion(ring, id, user_data, result, cqe_flags);
  ring.posts_in_submit = false;
  let_go(ring, file);
  let_go(ring, buffer);
  if (!is_timeout) ++ring.posted;
  go_on_behind(ring, {.next = next, .timer = link_timeout, .breaks = breaks, .skips = skip_rest});
  if (!ring.counted.empty()) end_counted_timeouts(ring);
  if (!ring.drained.empty()) let_drained_go(ring);
}

int work(Operation& operation) {
  const Opcode& opcode = *operation.opcode;
  if (!operation.result_fixed) return opcode.perform(operation);
  return opcode.cancelled == nullptr ? operation.result
                                     : opcode.cancelled(operation, operation.result);
}

// The moment an operation's work is done: afterwards it has finished, flies on, or is parked.
void perform(Operation& operation, bool in_submit) {
  operation.in_submit = in_submit;
  const int result = work(operation);
  if (result == under_way) return;  // the operation may be gone
  if (result != would_block) return finish(operation, result);
  // Somebody else took the data. Whoever was told that a cancel came too late will not ask again.
  if (operation.cancel_came_late) return finish(operation, -ECANCELED);
  park(operation);
}

// A completion with F_MORE. What is linked behind goes on with the last one, or with the one that
// has the result where only a notification follows.
void post_one_of_several(Operation& operation, const Finished& one) {
  Ring& ring = *operation.ring;
  ring.posts_in_submit = operation.in_submit;
  post_completion(ring, operation.id, operation.sqe.user_data, one.result, one.cqe_flags);
  ring.posts_in_submit = false;
  ++ring.posted;
  if (one.frees_chain) {
    const bool breaks = operation.failed && (operation.sqe.flags & IOSQE_IO_HARDLINK) == 0;
    const Rest rest{.next = std::exchange(operation.next, 0),
                    .timer = std::exchange(operation.link_timeout, 0),
                    .breaks = breaks};
    go_on_behind(ring, rest);
  }
  if (!ring.counted.empty()) end_counted_timeouts(ring);
}

void post_or_queue(const Finished& one, Operation& operation) {
  Ring& ring = *operation.ring;
  note(operation.ring,
       {.kind = Event::Kind::finished, .result = one.result, .operation = operation.id});
  if (posts_now(operation)) return post_one_of_several(operation, one);
  ring.finished.push_back(one);
  if (ring.deferred()) signal_eventfd(ring, false);  // nothing is posted before the next enter
  update_flags(ring);
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

void issue(Operation& operation) {
  note(operation.ring, {.kind = Event::Kind::issued, .operation = operation.id});
  if (!operation.result_fixed) arm_link_timeout(operation);
  if (operation.result_fixed) {
    operation.in_submit = true;
    return finish(operation, operation.result);
  }
  if (operation.opcode->uses_file && (operation.sqe.flags & IOSQE_FIXED_FILE) != 0) {
    const auto slot = static_cast<std::size_t>(operation.sqe.fd);
    if (slot < operation.ring->files.slots.size())
      operation.file = operation.ring->files.slots[slot];
  }
  if (operation.opcode->start != nullptr && operation.opcode->start(operation)) return;
  if (operation.delay != 0) return fly(operation, operation.delay);
  perform(operation, true);
}

void park(Operation& operation) {
  operation.state = State::parked;
  hold_own_file(operation);
  operation.ring->parked.push_back(operation.id);
  note(operation.ring,
       {.kind = Event::Kind::parked, .fd = operation.sqe.fd, .operation = operation.id});
}

void fly(Operation& operation, Nanoseconds delay) {
  Session& now = session();
  operation.state = State::flying;
  operation.due = now.clock + delay;
  operation.ring->due.insert({operation.due, operation.id});
  now.next_due = std::min(now.next_due, operation.due);
}

void finish(Operation& operation, int result, unsigned cqe_flags) {
  Ring& ring = *operation.ring;
  stop_flying(operation);
  operation.state = State::finished;
  operation.result = result;
  operation.cqe_flags = cqe_flags;
  operation.failed = operation.failed || counts_as_failure(operation, result);
  note(operation.ring,
       {.kind = Event::Kind::finished, .result = result, .operation = operation.id});
  if (posts_now(operation)) return complete(operation);
  ring.finished.push_back({.operation = operation.id});
  if (ring.deferred()) signal_eventfd(ring, false);
  update_flags(ring);
}

void post_more(Operation& operation, int result, unsigned cqe_flags) {
  post_or_queue({.operation = operation.id,
                 .more = true,
                 .result = result,
                 .cqe_flags = cqe_flags | IORING_CQE_F_MORE},
                operation);
}

void finish_but_notify(Operation& operation, int result, Nanoseconds delay) {
  stop_flying(operation);
  operation.over = true;
  operation.failed = counts_as_failure(operation, result);
  const Id id = operation.id;
  Ring& ring = *operation.ring;
  post_or_queue({.operation = id,
                 .more = true,
                 .frees_chain = true,
                 .result = result,
                 .cqe_flags = IORING_CQE_F_MORE},
                operation);
  if (Operation* const left = find_operation(ring, id)) fly(*left, delay);
}

bool completions_full(const Ring& ring) {
  return !ring.overflow.empty() || ring.ready() + ring.finished.size() >= ring.cq_entries;
}

void run_finished(Ring& ring) {
  while (!ring.finished.empty()) {
    const Finished oldest = ring.finished.front();
    Operation* const operation = find_operation(ring, oldest.operation);
    ring.finished.pop_front();
    if (oldest.message) {
      post_completion(ring, oldest.operation, oldest.user_data, oldest.result, oldest.cqe_flags);
      ++ring.posted;
      continue;
    }
    if (operation == nullptr) continue;
    if (!oldest.more) {
      complete(*operation);
      continue;
    }
    post_one_of_several(*operation, oldest);
  }
  update_flags(ring);
}

void perform_due() {
  Session& now = session();
  for (refresh_next_due(); now.next_due <= now.clock;
       refresh_next_due()) {  // a cancel may have removed the next
    if (network::next_due() == now.next_due) {
      network::deliver();
      continue;
    }
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
  now.next_due = network::next_due();
  for (const Ring* ring : now.open_rings) {
    if (!ring->due.empty()) now.next_due = std::min(now.next_due, ring->due.begin()->first);
  }
}

}  // namespace percore::sim
