// Descriptors that are not ready: their operations are parked instead of blocking the program.

#include <poll.h>

#include <algorithm>

#include "baton.hpp"
#include "memory_files.hpp"
#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

short awaited_events(const Operation& operation) {
  const auto hook = operation.opcode->awaited_events;
  return hook == nullptr ? static_cast<short>(0) : hook(operation);
}

int awaited_descriptor(const Operation& operation) {
  const auto hook = operation.opcode->awaited_descriptor;
  return hook == nullptr ? file_of(operation) : hook(operation);
}

bool stirred(Operation& operation) {
  if (operation.opcode->stirred != nullptr) return operation.opcode->stirred(operation);
  int error = 0;
  return ready(file_of(operation), awaited_events(operation), error);
}

// The world decides when these go on: real descriptors, and children.
bool waits_for_world(const Operation& operation) {
  return operation.opcode->stirred != nullptr || !network::owns(file_of(operation));
}

}  // namespace

short look(int fd, short events, int& error) {
  if (network::owns(fd)) return network::poll(fd, events);
  pollfd asked{.fd = fd, .events = events, .revents = 0};
  if (poll(&asked, 1, 0) <= 0) return 0;
  if ((asked.revents & POLLNVAL) != 0) error = -EBADF;
  return asked.revents;
}

bool ready(int fd, short events, int& error) {
  return look(fd, events, error) != 0;
}

int file_of(const Operation& operation) {
  if (operation.file != nullptr) return operation.file->fd;
  if ((operation.sqe.flags & IOSQE_FIXED_FILE) != 0) return -1;
  const MemoryFiles* const memory = session().memory.get();
  return memory != nullptr && memory->is_lost(operation.sqe.fd) ? -1 : operation.sqe.fd;
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
    if (operation == nullptr || !stirred(*operation)) continue;
    std::erase(ring.parked, id);
    // Data that has come is read soon, but not always before the program's next look.
    const bool at_once = session().random.percent(session().options.inline_percent);
    fly(*operation, at_once ? 0 : draw_delay() / 16 + 1);
  }
}

bool awaits_world(const Ring& ring) {
  return std::any_of(ring.parked.begin(), ring.parked.end(),
                     [&](Id id) { return waits_for_world(ring.live.at(id)); });
}

bool awaits_child(const Ring& ring) {
  return std::any_of(ring.parked.begin(), ring.parked.end(),
                     [&](Id id) { return ring.live.at(id).sqe.opcode == op_waitid; });
}

bool awaits_loopback(const Ring& ring) {
  return std::any_of(ring.parked.begin(), ring.parked.end(), [&](Id id) {
    int domain = 0;
    socklen_t size = sizeof domain;
    const int fd = file_of(ring.live.at(id));
    return !network::owns(fd) && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain != AF_UNIX;
  });
}

bool wait_outside(std::span<Ring* const> rings, Nanoseconds timeout) {
  constexpr Nanoseconds slice = 2'000'000;  // where only looking again helps
  std::vector<pollfd> looks;
  bool sliced = false;
  const auto count_parked = [&] {
    std::size_t count = 0;
    for (const Ring* const ring : rings) count += ring->parked.size();
    return count;
  };
  const std::size_t parked = count_parked();
  for (const Ring* const ring : rings) {
    for (const Id id : ring->parked) {
      const Operation& operation = ring->live.at(id);
      if (!waits_for_world(operation)) continue;
      const int fd = awaited_descriptor(operation);
      sliced = sliced || (fd < 0 && slice < timeout);
      if (sliced) timeout = std::min(timeout, slice);
      looks.push_back({.fd = fd, .events = awaited_events(operation), .revents = 0});
    }
  }
  const bool for_ever = timeout == never;
  const timespec limit{.tv_sec = timeout / 1'000'000'000, .tv_nsec = timeout % 1'000'000'000};
  const bool found = ppoll(looks.data(), looks.size(), for_ever ? nullptr : &limit, nullptr) > 0;
  for (Ring* const ring : rings) look_at_parked(*ring);
  return found || sliced || count_parked() != parked;
}

bool pass_until_stirred(int fd, short events) {
  if (has_company()) return wait_for_descriptor(fd, events);
  Session& now = session();
  while (network::poll(fd, events) == 0) {
    if (now.next_due == never) return false;
    now.clock = std::max(now.clock, now.next_due);
    perform_due();
    for (Ring* ring : now.open_rings) look_at_parked(*ring);
  }
  return true;
}

}  // namespace percore::sim
