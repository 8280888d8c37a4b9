// Sockets: making, connecting, accepting, ending. Real ones by ordinary system calls that do not
// block; modelled ones by network.cpp.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr int kind_flags = SOCK_CLOEXEC | SOCK_NONBLOCK;

// Connects without blocking, whatever mode the program has put the descriptor in.
int connect_real(int fd, const Exchange& exchange) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if ((flags & O_NONBLOCK) == 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  const auto* const address = reinterpret_cast<const sockaddr*>(&exchange.address);
  const int result = ::connect(fd, address, exchange.address_length) == 0 ? 0 : -errno;
  if ((flags & O_NONBLOCK) == 0) fcntl(fd, F_SETFL, flags);
  return result;
}

int result_of_connect(int fd) {
  if (network::owns(fd)) return network::connect_result(fd);
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  return -error;
}

int accept_any(int fd, int flags, Exchange& exchange) {
  exchange.address_length = sizeof exchange.address;
  if (network::owns(fd))
    return network::accept(fd, flags, &exchange.address, &exchange.address_length);
  int error = 0;
  if (look(fd, POLLIN, error) == 0) {  // accept4 would block; what is no listener fails at once
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return -errno;
    if (listens != 0) return -EAGAIN;
  }
  const int made =
      accept4(fd, reinterpret_cast<sockaddr*>(&exchange.address), &exchange.address_length, flags);
  return made < 0 ? -errno : made;
}

void give_address(Operation& operation) {
  Exchange& exchange = *operation.exchange;
  if (exchange.name == nullptr || exchange.name_length == nullptr) return;
  const socklen_t room = *exchange.name_length;
  std::memcpy(exchange.name, &exchange.address, std::min(room, exchange.address_length));
  *exchange.name_length = exchange.address_length;
  watch(operation);
  rehash_overlapping(*operation.ring, operation);
}

// A new descriptor's place: the program's table, or the ring's.
int place_descriptor(Operation& operation, int fd) {
  const unsigned slot = operation.sqe.file_index;
  return slot == 0 ? fd : install_direct(*operation.ring, fd, slot);
}

// A shutdown wakes whoever waits at the socket, ready or not: a send that waits for room fails.
void wake_parked_on(int fd) {
  struct stat ours, theirs;
  if (fstat(fd, &ours) != 0) return;
  for (Ring* const ring : session().open_rings) {
    const std::vector<Id> waiting = ring->parked;
    for (const Id id : waiting) {
      Operation& other = ring->live.at(id);
      const bool same = fstat(file_of(other), &theirs) == 0 && theirs.st_ino == ours.st_ino;
      if (!same || other.exchange == nullptr) continue;
      std::erase(ring->parked, id);
      fly(other, draw_delay() / 16 + 1);
    }
  }
}

int check_new_descriptor(const io_uring_sqe& sqe, int flags) {
  if (sqe.file_index != 0 && (flags & SOCK_CLOEXEC) != 0) return -EINVAL;
  return (flags & ~kind_flags) != 0 ? -EINVAL : 0;
}

}  // namespace

int prepare_socket(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.addr != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0) return -EINVAL;
  return check_new_descriptor(sqe, static_cast<int>(sqe.off) & ~0xF);
}

int perform_socket(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (const int fault = strike(operation); fault != 0) return fault;
  const int domain = sqe.fd, type = static_cast<int>(sqe.off), protocol = static_cast<int>(sqe.len);
  const bool modelled = session().options.sockets_in_memory && network::models(domain, type);
  int fd = modelled ? network::open(domain, type, protocol) : ::socket(domain, type, protocol);
  if (fd < 0 && !modelled) fd = -errno;
  return fd < 0 ? fd : place_descriptor(operation, fd);
}

int prepare_accept(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0) return -EINVAL;
  if ((sqe.ioprio & ~IORING_ACCEPT_MULTISHOT) != 0) return -EINVAL;
  const bool multishot = (sqe.ioprio & IORING_ACCEPT_MULTISHOT) != 0;
  if (multishot && sqe.file_index != 0 && sqe.file_index != IORING_FILE_INDEX_ALLOC) return -EINVAL;
  const int flags = static_cast<int>(sqe.accept_flags);
  if (const int bad = check_new_descriptor(sqe, flags); bad != 0) return bad;
  operation.exchange = std::make_unique<Exchange>();
  Exchange& exchange = *operation.exchange;
  exchange.multishot = multishot;
  exchange.name = reinterpret_cast<void*>(sqe.addr);
  exchange.name_length = reinterpret_cast<socklen_t*>(sqe.addr2);
  if (exchange.name == nullptr) return 0;
  if (!mapped(exchange.name_length, sizeof(socklen_t))) return -EFAULT;
  operation.vectors = {{.iov_base = exchange.name, .iov_len = *exchange.name_length},
                       {.iov_base = exchange.name_length, .iov_len = sizeof(socklen_t)}};
  return 0;
}

int perform_accept(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  if (!check_buffers(operation)) return -EFAULT;
  Exchange& exchange = *operation.exchange;
  const int flags = static_cast<int>(operation.sqe.accept_flags);
  for (unsigned round = 0;; ++round) {
    if (round == rounds_max) {  // others have their turn
      fly(operation, draw_delay());
      return under_way;
    }
    int error = 0;
    if (exchange.shots != 0 && look(fd, POLLIN, error) == 0) return would_block;
    if (const int fault = strike(operation); fault != 0) return fault;
    int made = accept_any(fd, flags, exchange);
    if (made == -EAGAIN) return would_block;
    if (made < 0) return made;
    made = place_descriptor(operation, made);
    give_address(operation);
    ++exchange.shots;
    if (made < 0 || !exchange.multishot) return made;
    if (ends_here(operation)) return made;
    post_more(operation, made, 0);
  }
}

short accept_events(const Operation&) {
  return POLLIN;
}

int prepare_connect(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.len != 0 || sqe.buf_index != 0 || sqe.rw_flags != 0 || sqe.splice_fd_in != 0)
    return -EINVAL;
  operation.exchange = std::make_unique<Exchange>();
  Exchange& exchange = *operation.exchange;
  if (sqe.addr2 > sizeof exchange.address) return -EINVAL;
  const auto* const address = reinterpret_cast<const void*>(sqe.addr);
  if (!mapped(address, sqe.addr2)) return -EFAULT;
  std::memcpy(&exchange.address, address, sqe.addr2);
  exchange.address_length = static_cast<socklen_t>(sqe.addr2);
  return 0;
}

int perform_connect(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  Exchange& exchange = *operation.exchange;
  if (!exchange.started) {
    if (const int fault = strike(operation); fault != 0) return fault;
    exchange.started = true;
    const auto* const address = reinterpret_cast<const sockaddr*>(&exchange.address);
    const int result = network::owns(fd) ? network::connect(fd, address, exchange.address_length)
                                         : connect_real(fd, exchange);
    const bool waits = result == -EINPROGRESS || result == -EAGAIN;
    if (result == -EAGAIN) exchange.started = false;  // a full backlog of a local socket: again
    return waits ? would_block : result;
  }
  int error = 0;
  if (look(fd, POLLOUT, error) == 0) return would_block;
  const int result = result_of_connect(fd);
  return result == -EINPROGRESS ? would_block : result;
}

short connect_events(const Operation&) {
  return POLLOUT;
}

std::size_t connect_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"address", sqe.addr, sqe.addr2};
  return 1;
}

int prepare_shutdown(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  const bool odd = sqe.off != 0 || sqe.addr != 0 || sqe.rw_flags != 0 || sqe.buf_index != 0 ||
                   sqe.splice_fd_in != 0;
  return odd ? -EINVAL : 0;
}

int perform_shutdown(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  const int how = static_cast<int>(operation.sqe.len);
  const bool modelled = network::owns(fd);
  int result = modelled ? network::shutdown(fd, how) : ::shutdown(fd, how);
  if (result < 0 && !modelled) result = -errno;
  if (result == 0) wake_parked_on(fd);
  return result;
}

}  // namespace percore::sim
