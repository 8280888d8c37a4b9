// Descriptors that are not ready: their operations are parked instead of blocking the program.

#include <poll.h>

#include "state.hpp"

namespace percore::sim {

namespace {

short awaited_events(const Operation& operation) {
  const auto hook = operation.opcode->awaited_events;
  return hook == nullptr ? static_cast<short>(0) : hook(operation);
}

}  // namespace

bool ready(int fd, short events, int& error) {
  pollfd look{.fd = fd, .events = events, .revents = 0};
  if (poll(&look, 1, 0) <= 0) return false;
  if ((look.revents & POLLNVAL) != 0) error = -EBADF;
  return true;
}

int file_of(const Operation& operation) {
  if (operation.file != nullptr) return operation.file->fd;
  return (operation.sqe.flags & IOSQE_FIXED_FILE) != 0 ? -1 : operation.sqe.fd;
}

bool would_park(const Operation& operation) {
  const short events = awaited_events(operation);
  int error = 0;
  const int fd = file_of(operation);
  return events != 0 && fd >= 0 && !ready(fd, events, error);
}

void look_at_parked(Ring& ring) {
  if (ring.parked.empty()) return;
  const std::vector<Id> waiting = ring.parked;
  for (const Id id : waiting) {
    Operation* const operation = find_operation(ring, id);
    int error = 0;
    if (operation == nullptr || !ready(file_of(*operation), awaited_events(*operation), error))
      continue;
    std::erase(ring.parked, id);
    // Data that has come is read soon, but not always before the program's next look.
    const bool at_once = session().random.percent(session().options.inline_percent);
    fly(*operation, at_once ? 0 : draw_delay() / 16 + 1);
  }
}

bool wait_outside(Ring& ring, Nanoseconds timeout) {
  std::vector<pollfd> looks;
  for (const Id id : ring.parked) {
    const Operation& operation = *find_operation(ring, id);
    looks.push_back({.fd = file_of(operation), .events = awaited_events(operation), .revents = 0});
  }
  const bool for_ever = timeout == std::numeric_limits<Nanoseconds>::max();
  const timespec limit{.tv_sec = timeout / 1'000'000'000, .tv_nsec = timeout % 1'000'000'000};
  const bool found = ppoll(looks.data(), looks.size(), for_ever ? nullptr : &limit, nullptr) > 0;
  look_at_parked(ring);
  return found;
}

}  // namespace percore::sim
