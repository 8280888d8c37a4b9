// The first half of io_uring_enter(2): entries become operations. One bad entry ends the submit
// after it, entries linked together become a chain, and IO_DRAIN holds back all that follows until
// all before it has completed.

#include <cstring>

#include "state.hpp"

namespace percore::sim {

namespace {

constexpr unsigned link_flags = IOSQE_IO_LINK | IOSQE_IO_HARDLINK;
constexpr unsigned known_entry_flags = IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | link_flags |
                                       IOSQE_ASYNC | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;

// What one submit is building. A chain that the submit's end cuts off is submitted as it is.
struct Chain {
  Operation* head = nullptr;
  Operation* last = nullptr;
};

Operation& adopt(Ring& ring, const io_uring_sqe& sqe) {
  Session& now = session();
  const Id id = ++now.last_operation;
  Operation& operation = ring.live[id];
  operation.id = id;
  operation.ring = &ring;
  operation.sqe = sqe;
  operation.opcode = &opcode_of(sqe.opcode);
  operation.thread = pthread_self();
  ++now.counts.submitted;
  ++now.counts.opcodes[sqe.opcode < 64 ? sqe.opcode : 63];
  now.counts.in_flight_max = std::max<std::uint64_t>(now.counts.in_flight_max, ring.live.size());
  note(&ring, {.kind = Event::Kind::submitted,
               .opcode = sqe.opcode,
               .fd = sqe.fd,
               .length = sqe.len,
               .offset = sqe.off,
               .operation = id,
               .user_data = sqe.user_data});
  return operation;
}

void check_user_data(const Operation& operation) {
  if (is_entry_poison(operation.sqe.user_data)) {
    violate(Rule::user_data_unset, operation.id,
            std::string(opcode_name(operation.sqe.opcode)) +
                " was submitted without user_data: its completion would carry whatever an earlier "
                "operation left "
                "there; call io_uring_sqe_set_data for every SQE");
  } else if (is_completion_poison(operation.sqe.user_data)) {
    violate(
        Rule::completion_released, operation.id,
        "user_data was taken from a CQE that had been released already; copy what you need before "
        "io_uring_cqe_seen or io_uring_cq_advance");
  }
}

// Returns  0, or the error with which the kernel refuses the entry before it starts anything.
int examine(Operation& operation, const Chain& chain) {
  Ring& ring = *operation.ring;
  const unsigned flags = operation.sqe.flags;
  if (!supported(operation.sqe.opcode) || (flags & ~known_entry_flags) != 0) return -EINVAL;
  if (operation.sqe.personality != 0 ||
      (operation.sqe.ioprio != 0 && !operation.opcode->takes_priority)) {
    return -EINVAL;
  }
  if ((flags & IOSQE_BUFFER_SELECT) != 0 && !operation.opcode->takes_buffers) return -EOPNOTSUPP;
  if ((flags & IOSQE_CQE_SKIP_SUCCESS) != 0) ring.drain_disabled = true;
  if ((flags & IOSQE_IO_DRAIN) != 0 && ring.drain_disabled) return -EOPNOTSUPP;
  operation.skip_on_success = (flags & IOSQE_CQE_SKIP_SUCCESS) != 0;
  operation.is_drain = (flags & IOSQE_IO_DRAIN) != 0;
  if (operation.sqe.opcode == IORING_OP_LINK_TIMEOUT &&
      (chain.head == nullptr || chain.last->sqe.opcode == IORING_OP_LINK_TIMEOUT)) {
    return -EINVAL;  // nothing before it to watch
  }
  check_before_submit(operation);  // first: what is gone may look like any mistake
  return operation.opcode->prepare(operation);
}

void refuse(Operation& operation, int error) {
  operation.result_fixed = operation.failed = true;
  operation.result = error;
  operation.sqe.flags =
      static_cast<std::uint8_t>((operation.sqe.flags & ~IOSQE_IO_HARDLINK) |
                                ((operation.sqe.flags & link_flags) != 0 ? IOSQE_IO_LINK : 0));
}

// Returns  false when the entry was refused in a way that ends the submit.
bool submit_one(Ring& ring, const io_uring_sqe& sqe, Chain& chain) {
  Operation& operation = adopt(ring, sqe);
  check_user_data(operation);
  const int error = examine(operation, chain);
  const bool linked = (sqe.flags & link_flags) != 0;
  if (error != 0) {
    refuse(operation, error);
    if (chain.head != nullptr && !chain.head->result_fixed) refuse(*chain.head, -ECANCELED);
  } else {
    draw_faults(operation);
    watch(operation);
  }
  if (chain.head != nullptr) {
    chain.last->next = operation.id;
    chain.last = &operation;
    if (operation.is_drain) chain.head->is_drain = true;
  } else {
    chain.head = chain.last = &operation;
  }
  if (linked)
    return true;  // a refused entry inside a chain does not end the submit: the chain would fall
                  // apart
  Operation& head = *chain.head;
  chain = {};
  queue_chain(head);
  return error == 0;
}

}  // namespace

void queue_chain(Operation& head) {
  Ring& ring = *head.ring;
  const bool behind_drain = !ring.drained.empty() || find_operation(ring, ring.barrier) != nullptr;
  if (behind_drain || (head.is_drain && ring.live.begin()->first != head.id)) {
    head.state = State::drained;
    ring.drained.push_back(head.id);
    return;
  }
  start_chain(head);
}

unsigned submit_entries(Ring& ring, unsigned count) {
  Ring::Shared& shared = *ring.shared;
  Chain chain;
  unsigned consumed = 0;
  const unsigned tail = __atomic_load_n(&shared.sq_tail, __ATOMIC_ACQUIRE);
  while (consumed != count && shared.sq_head != tail) {
    const unsigned slot = ring.array[shared.sq_head & shared.sq_mask];
    if (slot >= ring.sq_entries) {  // only raw users of the array can get here
      ++shared.sq_dropped;
      __atomic_store_n(&shared.sq_head, shared.sq_head + 1, __ATOMIC_RELEASE);
      break;
    }
    const io_uring_sqe sqe = ring.sqes[slot];
    poison_entry(ring, slot);
    ring.sqe_copies[slot] = ring.sqes[slot];
    ring.sqe_owners[slot] = session().last_operation + 1;
    __atomic_store_n(&shared.sq_head, shared.sq_head + 1, __ATOMIC_RELEASE);
    ++consumed;
    if (!submit_one(ring, sqe, chain) && (ring.flags & IORING_SETUP_SUBMIT_ALL) == 0) break;
  }
  if (chain.head != nullptr) queue_chain(*chain.head);
  return consumed;
}

}  // namespace percore::sim
