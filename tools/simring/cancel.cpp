// Cancellation: it only asks. What waits for data or for a time ends with ECANCELED, a little
// later; what is being done may end early or go on to its result, and the seed decides.

#include "state.hpp"

namespace percore::sim {

namespace {

// Linux 6.6; liburing 2.3 does not name them.
constexpr unsigned by_user_data = 1u << 4, by_opcode = 1u << 5;

bool matches(const Operation& operation, std::uint64_t key, int fd, unsigned flags,
             unsigned opcode) {
  if ((flags & IORING_ASYNC_CANCEL_ANY) != 0) return true;
  const bool by_fd = (flags & IORING_ASYNC_CANCEL_FD) != 0;
  if (by_fd && (!operation.opcode->uses_file || operation.sqe.fd != fd)) return false;
  if (by_fd && ((flags & IORING_ASYNC_CANCEL_FD_FIXED) != 0) !=
                   ((operation.sqe.flags & IOSQE_FIXED_FILE) != 0)) {
    return false;
  }
  if ((flags & by_opcode) != 0 && operation.sqe.opcode != opcode) return false;
  if (((flags & by_user_data) != 0 || (!by_fd && (flags & by_opcode) == 0)) &&
      operation.sqe.user_data != key) {
    return false;
  }
  return true;
}

void end_cancelled(Operation& operation) {
  Ring& ring = *operation.ring;
  ring.due.erase({operation.due, operation.id});
  std::erase(ring.parked, operation.id);
  operation.result_fixed = true;
  operation.result = -ECANCELED;
  fly(operation, draw_delay());
}

}  // namespace

namespace {

// 0 = in time; 1 and 2 = too late, for the two errors. One draw, whatever the percentage.
std::uint64_t draw_lateness() {
  constexpr std::uint64_t outcomes = 99, late_by_default = 66;
  const std::uint64_t drawn = session().random.next();
  const std::uint64_t outcome = drawn % outcomes;
  const bool late = outcome % 3 != 0;
  const std::uint64_t rank =
      late ? outcome / 3 * 2 + outcome % 3 - 1 : late_by_default + outcome / 3;
  if (rank >= session().options.late_cancels_percent) return 0;
  return late ? outcome % 3 : 1 + drawn % 2;
}

}  // namespace

int cancel_one(Operation& operation) {
  note(operation.ring, {.kind = Event::Kind::cancel_asked, .operation = operation.id});
  if (operation.state != State::flying && operation.state != State::parked) return -ENOENT;
  if (operation.result_fixed) return -EALREADY;
  const bool multishot = operation.exchange != nullptr && operation.exchange->multishot;
  const bool only_waits = multishot || operation.sqe.opcode == IORING_OP_TIMEOUT ||
                          operation.state == State::parked || would_park(operation);
  const std::uint64_t luck = only_waits ? 0 : draw_lateness();
  operation.cancel_came_late = luck != 0;
  if (luck == 1) return -EALREADY;  // the device has it
  if (luck == 2) return -ENOENT;    // it is done already, only its completion is not yet here
  end_cancelled(operation);
  return 0;
}

int cancel(Ring& ring, std::uint64_t key, int fd, unsigned flags, unsigned opcode, Id self) {
  const bool all = (flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) != 0;
  int count = 0;
  for (auto& [id, operation] : ring.live) {
    if (id == self || operation.sqe.opcode == IORING_OP_LINK_TIMEOUT) continue;
    if (operation.state == State::chained || operation.state == State::drained) continue;
    if (operation.over) continue;
    if (!matches(operation, key, fd, flags, opcode)) continue;
    const int result = cancel_one(operation);
    if (!all && result != -ENOENT) return result;
    if (result == 0) ++count;
  }
  return all ? count : -ENOENT;
}

int prepare_cancel(Operation& operation) {
  return (operation.sqe.cancel_flags & ~0x3Fu) == 0 ? 0 : -EINVAL;
}

bool start_cancel(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  operation.result =
      cancel(*operation.ring, sqe.addr, sqe.fd, sqe.cancel_flags, sqe.len, operation.id);
  operation.result_fixed = true;
  return false;
}

int change_timeout(Ring& ring, const Operation& request) {
  const unsigned flags = request.sqe.timeout_flags;
  const bool link = (flags & IORING_LINK_TIMEOUT_UPDATE) != 0;
  for (auto& [id, timeout] : ring.live) {
    if (timeout.sqe.opcode != (link ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT)) continue;
    if (timeout.sqe.user_data != request.sqe.addr || timeout.state == State::chained) continue;
    if (timeout.state != State::flying || timeout.result_fixed) return link ? -ENOENT : -EALREADY;
    ring.due.erase({timeout.due, id});
    if ((flags & IORING_TIMEOUT_UPDATE_MASK) == 0) {
      end_cancelled(timeout);
      return 0;
    }
    const bool absolute = (flags & IORING_TIMEOUT_ABS) != 0;
    const Nanoseconds left = absolute ? request.timeout - session().clock : request.timeout;
    fly(timeout, std::max<Nanoseconds>(left, 0));
    return 0;
  }
  return -ENOENT;
}

}  // namespace percore::sim
