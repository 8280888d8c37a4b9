// Polls: one-shot and multishot, their removal and their change; epoll_ctl.

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

// io_uring always looks for these too, the end of a peer among them.
constexpr std::uint32_t always_seen = POLLERR | POLLHUP | POLLRDHUP;

constexpr short poll_bits(std::uint32_t events) {
  return static_cast<short>((events | always_seen) & 0xFFFFu);
}

// An epoll descriptor sees each edge, as the kernel's own wait queue entry would: a byte more on a
// descriptor that was readable already is one.
void watch_edges(Exchange& exchange, int fd) {
  if (network::owns(fd)) {
    exchange.activity = network::activity(fd);
    return;
  }
  if (exchange.edges < 0) exchange.edges = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = ((exchange.events | always_seen) & 0xFFFFu) | EPOLLET, .data = {}};
  epoll_ctl(exchange.edges, EPOLL_CTL_DEL, fd, &event);
  epoll_ctl(exchange.edges, EPOLL_CTL_ADD, fd, &event);
  epoll_wait(exchange.edges, &event, 1, 0);  // the state now is no edge
}

bool take_edge(Exchange& exchange) {
  epoll_event event;
  return epoll_wait(exchange.edges, &event, 1, 0) > 0;
}

// Descriptors without a poll of their own, such as files, are always ready.
bool can_be_watched(int fd, std::uint32_t events) {
  if (network::owns(fd)) return true;
  const int looker = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = events & 0xFFFFu, .data = {}};
  const bool can = epoll_ctl(looker, EPOLL_CTL_ADD, fd, &event) == 0 || errno != EPERM;
  close(looker);
  return can;
}

int shoot(Operation& operation, int mask) {
  Exchange& exchange = *operation.exchange;
  ++exchange.shots;
  if (exchange.shots_max == exchange.shots || completions_full(*operation.ring)) {
    finish(operation, mask);
    return under_way;
  }
  post_more(operation, mask, 0);
  return would_block;
}

Operation* find_poll(Ring& ring, std::uint64_t user_data, bool& busy) {
  busy = false;
  for (auto& [id, operation] : ring.live) {
    if (operation.sqe.opcode != IORING_OP_POLL_ADD || operation.sqe.user_data != user_data)
      continue;
    if (operation.state == State::chained || operation.state == State::drained) continue;
    if (operation.state == State::finished || operation.result_fixed) {
      busy = true;
      continue;
    }
    return &operation;
  }
  return nullptr;
}

}  // namespace

int prepare_poll(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0 || sqe.off != 0 || sqe.addr != 0) return -EINVAL;
  if ((sqe.len & ~(IORING_POLL_ADD_MULTI | IORING_POLL_ADD_LEVEL)) != 0) return -EINVAL;
  const bool multishot = (sqe.len & IORING_POLL_ADD_MULTI) != 0;
  if (multishot && (sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0) return -EINVAL;
  operation.exchange = std::make_unique<Exchange>();
  operation.exchange->multishot = multishot;
  operation.exchange->entry_flags = sqe.len;
  operation.exchange->events = sqe.poll32_events;
  return 0;
}

int perform_poll(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  Exchange& exchange = *operation.exchange;
  int error = 0;
  const short wanted = poll_bits(exchange.events);
  const bool first = !std::exchange(exchange.started, true);
  if (first) {
    const int mask = look(fd, wanted, error);
    if (error != 0) return error;
    if (!can_be_watched(fd, exchange.events)) return mask != 0 ? mask : -EINVAL;
  }
  if (exchange.multishot) {
    hold_own_file(operation);
    watch_edges(exchange, file_of(operation));
  }
  const int woken_by = std::exchange(exchange.woken_by, 0);
  const int mask = woken_by != 0 ? woken_by : look(file_of(operation), wanted, error);
  if (mask == 0) return would_block;
  return exchange.multishot ? shoot(operation, mask) : mask;
}

short poll_events(const Operation& operation) {
  return poll_bits(operation.exchange->events);
}

bool poll_stirred(Operation& operation) {
  Exchange& exchange = *operation.exchange;
  const int fd = file_of(operation);
  int error = 0;
  const short ready_now = look(fd, poll_bits(exchange.events), error);
  bool stirred = ready_now != 0;
  if (exchange.multishot && network::owns(fd)) {
    stirred = stirred && network::activity(fd) != exchange.activity;
  } else if (exchange.multishot) {
    stirred = exchange.edges >= 0 && take_edge(exchange);
  }
  if (stirred) exchange.woken_by = ready_now;
  return stirred;
}

int poll_descriptor(const Operation& operation) {
  const int edges = operation.exchange->edges;
  return edges >= 0 ? edges : file_of(operation);
}

int prepare_poll_remove(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  constexpr unsigned updates = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if ((sqe.len & ~(updates | IORING_POLL_ADD_MULTI)) != 0 || sqe.len == IORING_POLL_ADD_MULTI)
    return -EINVAL;
  if ((sqe.len & IORING_POLL_UPDATE_USER_DATA) == 0 && sqe.off != 0) return -EINVAL;
  return (sqe.len & IORING_POLL_UPDATE_EVENTS) == 0 && sqe.poll32_events != 0 ? -EINVAL : 0;
}

bool start_poll_remove(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  bool busy = false;
  Operation* const found = find_poll(*operation.ring, sqe.addr, busy);
  operation.result_fixed = true;
  operation.result = found != nullptr ? 0 : busy ? -EALREADY : -ENOENT;
  if (found == nullptr) return false;
  const bool changes = (sqe.len & (IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA)) != 0;
  if (!changes) {
    operation.result = cancel_one(*found);
    return false;
  }
  if ((sqe.len & IORING_POLL_UPDATE_EVENTS) != 0) {
    found->exchange->events = (found->exchange->events & ~0xFFFFu) | (sqe.poll32_events & 0xFFFFu);
  }
  if ((sqe.len & IORING_POLL_UPDATE_USER_DATA) != 0) found->sqe.user_data = sqe.off;
  found->exchange->woken_by = 0;
  if (found->state == State::parked) {
    std::erase(operation.ring->parked, found->id);
    fly(*found, 0);  // it looks again
  }
  return false;
}

int prepare_epoll_ctl(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.buf_index != 0 || sqe.splice_fd_in != 0) return -EINVAL;
  if (sqe.len == EPOLL_CTL_DEL) return 0;
  const auto* const event = reinterpret_cast<const epoll_event*>(sqe.addr);
  if (!mapped(event, sizeof *event)) return -EFAULT;
  operation.exchange = std::make_unique<Exchange>();
  operation.exchange->events = event->events;
  operation.exchange->activity = event->data.u64;
  return 0;
}

int perform_epoll_ctl(Operation& operation) {
  epoll_event event{};
  if (operation.exchange != nullptr) {
    event.events = operation.exchange->events;
    event.data.u64 = operation.exchange->activity;
  }
  const int target = static_cast<int>(operation.sqe.off);
  const int command = static_cast<int>(operation.sqe.len);
  return epoll_ctl(operation.sqe.fd, command, target, &event) == 0 ? 0 : -errno;
}

}  // namespace percore::sim
