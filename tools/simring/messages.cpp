// Sends and receives: plain, as messages, zero-copy, multishot, into provided buffers.
//
// An attempt moves what it can without blocking. MSG_WAITALL tries again until all is moved;
// everything else ends with the first attempt that moves anything.

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "buffer_ring.hpp"
#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

constexpr unsigned parts_max = 1024;  // UIO_MAXIOV
constexpr unsigned send_flags = IORING_RECVSEND_POLL_FIRST;
constexpr unsigned receive_flags = IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT;
constexpr unsigned zero_copy_flags = IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF;

bool has_header(const Operation& operation) {
  return operation.sqe.opcode == IORING_OP_SENDMSG || operation.sqe.opcode == IORING_OP_RECVMSG ||
         operation.sqe.opcode == IORING_OP_SENDMSG_ZC;
}
bool is_zero_copy(const Operation& operation) {
  return operation.sqe.opcode == IORING_OP_SEND_ZC || operation.sqe.opcode == IORING_OP_SENDMSG_ZC;
}
bool selects(const Operation& operation) {
  return (operation.sqe.flags & IOSQE_BUFFER_SELECT) != 0;
}

int copy_address(Exchange& exchange, const void* address, std::uint64_t length) {
  if (length > sizeof exchange.address) return -EINVAL;
  if (!mapped(address, length)) return -EFAULT;
  std::memcpy(&exchange.address, address, length);
  exchange.address_length = static_cast<socklen_t>(length);
  return 0;
}

// The header and its vector are copied: a sender may drop them after the submit.
int copy_header(Operation& operation, msghdr& header) {
  const auto* const given = reinterpret_cast<const msghdr*>(operation.sqe.addr);
  if (!mapped(given, sizeof *given)) return -EFAULT;
  header = *given;
  if (header.msg_iovlen > parts_max) return -EMSGSIZE;
  if (!mapped(header.msg_iov, header.msg_iovlen * sizeof(iovec))) return -EFAULT;
  operation.vectors.assign(header.msg_iov, header.msg_iov + header.msg_iovlen);
  operation.exchange->parts = static_cast<unsigned>(header.msg_iovlen);
  for (const iovec& part : operation.vectors) operation.length += part.iov_len;
  operation.exchange->control = header.msg_control;
  operation.exchange->control_length = header.msg_controllen;
  if (header.msg_control != nullptr && header.msg_controllen != 0)
    operation.vectors.push_back({header.msg_control, header.msg_controllen});
  return 0;
}

void take_single(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  operation.single = {.iov_base = reinterpret_cast<void*>(sqe.addr), .iov_len = sqe.len};
  operation.length = sqe.len;
}

std::vector<iovec> data_parts(const Operation& operation) {
  if (!has_header(operation)) return {operation.single};
  return {operation.vectors.begin(), operation.vectors.begin() + operation.exchange->parts};
}

// What is left of the parts behind `done` bytes, at most `bytes_max` of it (0 = all).
std::vector<iovec> rest_of(std::vector<iovec> parts, std::uint64_t done, std::uint64_t bytes_max) {
  std::uint64_t left = bytes_max == 0 ? std::numeric_limits<std::uint64_t>::max() : bytes_max;
  for (iovec& part : parts) {
    const std::size_t skipped = std::min<std::uint64_t>(part.iov_len, done);
    done -= skipped;
    part.iov_base = static_cast<char*>(part.iov_base) + skipped;
    part.iov_len = std::min<std::uint64_t>(part.iov_len - skipped, left);
    left -= part.iov_len;
  }
  return parts;
}

int send_real(int fd, const Exchange& exchange, std::span<iovec> parts, int flags) {
  msghdr header{};
  sockaddr_storage address = exchange.address;
  if (exchange.address_length != 0) {
    header.msg_name = &address;
    header.msg_namelen = exchange.address_length;
  }
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  if (exchange.done == 0 && exchange.control_length != 0) {
    header.msg_control = exchange.control;
    header.msg_controllen = exchange.control_length;
  }
  const ssize_t sent = ::sendmsg(fd, &header, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : static_cast<int>(sent);
}

int send_once(Operation& operation, int fd, std::span<iovec> parts) {
  Exchange& exchange = *operation.exchange;
  const int flags = exchange.message_flags & ~MSG_WAITALL;
  if (!network::owns(fd)) return send_real(fd, exchange, parts, flags);
  if (exchange.control_length != 0) return -EINVAL;
  network::Parts message{.parts = parts};
  message.address = exchange.address;
  message.address_length = exchange.address_length;
  return network::send(fd, message, flags);
}

// What a receive found beside its bytes.
struct Found {
  int result = 0;
  sockaddr_storage address{};
  socklen_t address_length = 0;
  std::size_t control_length = 0;
  int flags = 0;
};

Found receive_real(int fd, const Exchange& exchange, std::span<iovec> parts, void* control,
                   std::size_t control_length) {
  Found found;
  msghdr header{};
  header.msg_name = &found.address;
  header.msg_namelen = sizeof found.address;
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  header.msg_control = control;
  header.msg_controllen = control_length;
  const int flags = exchange.message_flags & ~MSG_WAITALL;
  const ssize_t received = ::recvmsg(fd, &header, flags | MSG_DONTWAIT);
  found.result = received < 0 ? -errno : static_cast<int>(received);
  found.address_length = header.msg_namelen;
  found.control_length = header.msg_controllen;
  found.flags = header.msg_flags & ~MSG_CMSG_CLOEXEC;
  return found;
}

Found receive_once(Operation& operation, int fd, std::span<iovec> parts, void* control,
                   std::size_t control_length) {
  const Exchange& exchange = *operation.exchange;
  if (!network::owns(fd)) return receive_real(fd, exchange, parts, control, control_length);
  Found found;
  network::Parts message{.parts = parts};
  found.result = network::receive(fd, message, exchange.message_flags & ~MSG_WAITALL);
  found.address = message.address;
  found.address_length = message.address_length;
  found.flags = message.truncated ? MSG_TRUNC : 0;
  return found;
}

// TCP counts the other side's end as something more to read.
bool more_unread(int fd, int result) {
  if (network::owns(fd))
    return network::is_inet(fd) && (network::unread(fd) != 0 || network::end_told(fd));
  int bytes = 0;
  if (!is_inet(fd)) return false;
  if (ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0) return true;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_CLOSE_WAIT || info.tcpi_state == TCP_LAST_ACK ||
         info.tcpi_state == TCP_CLOSING || (info.tcpi_state == TCP_CLOSE && result == 0);
}

bool wants_all(const Operation& operation) {
  return (operation.exchange->message_flags & MSG_WAITALL) != 0;
}

// The result of an operation that ends now: earlier attempts of a MSG_WAITALL count.
int total(const Operation& operation, int result) {
  const std::uint64_t done = operation.exchange->done;
  if (done == 0) return result;
  return static_cast<int>(done) + std::max(result, 0);
}

bool may_go_on(const Operation& operation, int fd, int result) {
  const std::uint64_t moved = operation.exchange->done + static_cast<unsigned>(result);
  return result > 0 && wants_all(operation) && moved < operation.length &&
         operation.bytes_max == 0 && is_stream(fd);
}

// MSG_DONTWAIT makes a result of what would block.
int blocked(const Operation& operation) {
  const bool waits = (operation.exchange->message_flags & MSG_DONTWAIT) == 0;
  return waits ? would_block : total(operation, -EAGAIN);
}

int send_attempts(Operation& operation, int fd) {
  Exchange& exchange = *operation.exchange;
  if (const int fault = strike_stream(operation, fd); fault != 0) return total(operation, fault);
  for (;;) {
    std::vector<iovec> parts = rest_of(data_parts(operation), exchange.done, operation.bytes_max);
    const int result = send_once(operation, fd, parts);
    if (result == -EAGAIN) return blocked(operation);
    if (!may_go_on(operation, fd, result)) return total(operation, result);
    exchange.done += static_cast<unsigned>(result);
  }
}

// IORING_OP_RECVMSG's multishot form puts header, name and control into the buffer before the data.
struct Layout {
  io_uring_recvmsg_out* header = nullptr;
  char* name = nullptr;
  char* control = nullptr;
  iovec payload{};
};

bool lay_out(const Exchange& exchange, const iovec& buffer, Layout& out) {
  const std::size_t taken =
      sizeof(io_uring_recvmsg_out) + exchange.name_room + exchange.control_length;
  if (buffer.iov_len < taken) return false;
  auto* const base = static_cast<char*>(buffer.iov_base);
  out.header = reinterpret_cast<io_uring_recvmsg_out*>(base);
  out.name = base + sizeof(io_uring_recvmsg_out);
  out.control = out.name + exchange.name_room;
  out.payload = {.iov_base = base + taken, .iov_len = buffer.iov_len - taken};
  return true;
}

Found receive_laid_out(Operation& operation, int fd, const iovec& buffer) {
  const Exchange& exchange = *operation.exchange;
  Layout layout;
  if (!lay_out(exchange, buffer, layout)) return {.result = -EFAULT};
  Found found =
      receive_once(operation, fd, {&layout.payload, 1}, layout.control, exchange.control_length);
  if (found.result < 0 || (found.result == 0 && found.address_length == 0)) return found;
  const std::size_t name = std::min<std::size_t>(exchange.name_room, found.address_length);
  std::memcpy(layout.name, &found.address, name);
  const auto payload = static_cast<std::uint32_t>(found.result);
  const std::size_t kept = std::min<std::size_t>(payload, layout.payload.iov_len);
  *layout.header = {.namelen = found.address_length,
                    .controllen = static_cast<std::uint32_t>(found.control_length),
                    .payloadlen = payload,
                    .flags = static_cast<std::uint32_t>(found.flags)};
  found.result = static_cast<int>(sizeof(io_uring_recvmsg_out) + exchange.name_room +
                                  exchange.control_length + kept);
  return found;
}

// A RECVMSG's header, name and lengths are written at its end.
void give_header(Operation& operation, const Found& found) {
  const Exchange& exchange = *operation.exchange;
  if (exchange.header == nullptr || exchange.multishot || found.result < 0) return;
  if (exchange.name != nullptr) {
    std::memcpy(exchange.name, &found.address, std::min(exchange.name_room, found.address_length));
    exchange.header->msg_namelen = found.address_length;
  }
  exchange.header->msg_controllen = found.control_length;
  exchange.header->msg_flags = found.flags;
}

struct Attempt {
  Found found;
  unsigned cqe_flags = 0;
};

bool starves(Operation& operation) {
  const Exchange& exchange = *operation.exchange;
  if (exchange.starved_shot == 0 || exchange.starved_shot != exchange.shots + 1) return false;
  note(operation.ring, {.kind = Event::Kind::fault, .result = -ENOBUFS, .operation = operation.id});
  return true;
}

Attempt receive_selected(Operation& operation, int fd) {
  Exchange& exchange = *operation.exchange;
  iovec buffer{};
  const std::size_t size_max = operation.bytes_max != 0 ? operation.bytes_max : operation.length;
  if (starves(operation) || !select_buffer(operation, size_max, buffer))
    return {.found = {.result = -ENOBUFS}};
  Attempt attempt;
  attempt.found =
      exchange.multishot && has_header(operation)
          ? receive_laid_out(operation, fd, buffer)
          : receive_once(operation, fd, {&buffer, 1}, exchange.control, exchange.control_length);
  if (attempt.found.result > 0) attempt.cqe_flags = use_selected_buffer(operation);
  return attempt;
}

Attempt receive_attempt(Operation& operation, int fd) {
  const Exchange& exchange = *operation.exchange;
  Attempt attempt;
  if (selects(operation)) {
    attempt = receive_selected(operation, fd);
  } else {
    std::vector<iovec> parts = rest_of(data_parts(operation), exchange.done, operation.bytes_max);
    attempt.found = receive_once(operation, fd, parts, exchange.control, exchange.control_length);
  }
  const bool more = attempt.found.result >= 0 && more_unread(fd, attempt.found.result);
  if (more) attempt.cqe_flags |= IORING_CQE_F_SOCK_NONEMPTY;
  return attempt;
}

int end_receive(Operation& operation, const Attempt& attempt, int result) {
  give_header(operation, attempt.found);
  if (operation.watched) rehash_overlapping(*operation.ring, operation);
  finish(operation, result, attempt.cqe_flags);
  return under_way;
}

// Datagrams say EAGAIN even where nothing more can come.
bool ended(int fd) {
  int error = 0;
  return (look(fd, POLLRDHUP, error) & POLLRDHUP) != 0;
}

// Bytes that came with an error in the way (EAGAIN, ECONNRESET) are the result; it comes next time.
int receive_attempts(Operation& operation, int fd) {
  Exchange& exchange = *operation.exchange;
  for (unsigned round = 0; round != rounds_max; ++round) {
    const Attempt attempt = receive_attempt(operation, fd);
    const int result = attempt.found.result;
    if (result == -EAGAIN && ended(fd)) return end_receive(operation, {}, total(operation, 0));
    if (result == -EAGAIN) return blocked(operation);
    if (exchange.multishot) {
      ++exchange.shots;
      if (result <= 0 || ends_here(operation)) return end_receive(operation, attempt, result);
      post_more(operation, result, attempt.cqe_flags);
      int error = 0;
      // Of a stream the kernel knows whether there is more; elsewhere it tries.
      if (is_stream(fd) && look(fd, POLLIN, error) == 0) return blocked(operation);
      continue;
    }
    if (!may_go_on(operation, fd, result))
      return end_receive(operation, attempt, total(operation, result));
    exchange.done += static_cast<unsigned>(result);
    watch(operation);
  }
  fly(operation, draw_delay());  // others have their turn
  return under_way;
}

int prepare_message_send(Operation& operation, unsigned known_flags) {
  const io_uring_sqe& sqe = operation.sqe;
  operation.exchange = std::make_unique<Exchange>();
  Exchange& exchange = *operation.exchange;
  exchange.entry_flags = sqe.ioprio;
  exchange.message_flags = static_cast<int>(sqe.msg_flags);
  if ((sqe.ioprio & ~known_flags) != 0) return -EINVAL;
  if (!has_header(operation)) {
    take_single(operation);
    const auto* const to = reinterpret_cast<const void*>(sqe.addr2);
    return to == nullptr ? 0 : copy_address(exchange, to, sqe.addr_len);
  }
  if (sqe.addr2 != 0 || sqe.file_index != 0) return -EINVAL;
  msghdr header;
  if (const int bad = copy_header(operation, header); bad != 0) return bad;
  return header.msg_name == nullptr ? 0
                                    : copy_address(exchange, header.msg_name, header.msg_namelen);
}

int end_zero_copy(Operation& operation, int result) {
  operation.exchange->started = true;
  operation.result_fixed = false;
  finish_but_notify(operation, result, operation.exchange->notification_delay);
  return under_way;
}

int not_a_socket(int fd) {
  return fcntl(fd, F_GETFD) < 0 ? -EBADF : -ENOTSOCK;
}

}  // namespace

int prepare_send(Operation& operation) {
  return prepare_message_send(operation, send_flags);
}

int perform_send(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  if (!check_buffers(operation)) return -EFAULT;
  return send_attempts(operation, fd);
}

short send_events(const Operation&) {
  return POLLOUT;
}

int prepare_zero_copy(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  if (sqe.__pad2[0] != 0 || sqe.addr3 != 0) return -EINVAL;
  if ((sqe.flags & IOSQE_CQE_SKIP_SUCCESS) != 0) return -EINVAL;
  if (const int bad = prepare_message_send(operation, zero_copy_flags); bad != 0) return bad;
  if ((sqe.ioprio & IORING_RECVSEND_FIXED_BUF) == 0) return 0;
  return has_header(operation) ? -EINVAL : check_registered_range(operation);
}

// Two completions: the result, then, when nothing refers to the bytes any more, the notification.
int perform_zero_copy(Operation& operation) {
  Exchange& exchange = *operation.exchange;
  if (exchange.started) {
    check_buffers(operation);
    finish(operation, 0, IORING_CQE_F_NOTIF);
    return under_way;
  }
  const int fd = file_of(operation);
  const bool refused = fd >= 0 && is_socket(fd) && !is_inet(fd);
  const int result = refused ? -EOPNOTSUPP : perform_send(operation);
  if (result == would_block) return result;
  return end_zero_copy(operation, result);
}

int prepare_receive(Operation& operation) {
  const io_uring_sqe& sqe = operation.sqe;
  operation.exchange = std::make_unique<Exchange>();
  Exchange& exchange = *operation.exchange;
  exchange.entry_flags = sqe.ioprio;
  exchange.message_flags = static_cast<int>(sqe.msg_flags);
  exchange.multishot = (sqe.ioprio & IORING_RECV_MULTISHOT) != 0;
  if (sqe.file_index != 0 || sqe.addr2 != 0 || (sqe.ioprio & ~receive_flags) != 0) return -EINVAL;
  if (exchange.multishot) {
    if (!selects(operation) || wants_all(operation)) return -EINVAL;
    if (!has_header(operation) && sqe.len != 0) return -EINVAL;
  }
  if (!has_header(operation)) {
    if (!selects(operation)) take_single(operation);
    operation.length = sqe.len;
    return 0;
  }
  msghdr header;
  if (const int bad = copy_header(operation, header); bad != 0) return bad;
  exchange.header = reinterpret_cast<msghdr*>(sqe.addr);
  exchange.name = header.msg_name;
  exchange.name_room = header.msg_name != nullptr || exchange.multishot ? header.msg_namelen : 0;
  if (selects(operation)) {
    if (exchange.parts > 1) return -EINVAL;
    operation.length = exchange.multishot ? 0 : operation.length;
    operation.vectors.clear();
    exchange.parts = 0;
  }
  // What the kernel writes at the end must live until then.
  if (!exchange.multishot) operation.vectors.push_back({exchange.header, sizeof(msghdr)});
  if (exchange.name != nullptr && !exchange.multishot && exchange.name_room != 0)
    operation.vectors.push_back({exchange.name, exchange.name_room});
  return 0;
}

int perform_receive(Operation& operation) {
  const int fd = file_of(operation);
  if (fd < 0) return -EBADF;
  if (!check_buffers(operation)) return -EFAULT;
  if (selects(operation) && !is_socket(fd)) return not_a_socket(fd);
  int error = 0;
  // A fault strikes when there is something to receive: before, the operation just waits.
  if (operation.fault_result != 0 && look(fd, POLLIN, error) == 0 && error == 0)
    return is_socket(fd) ? blocked(operation) : not_a_socket(fd);
  if (const int fault = strike_stream(operation, fd); fault != 0) return total(operation, fault);
  return receive_attempts(operation, fd);
}

short receive_events(const Operation&) {
  return POLLIN;
}

// Cancelled, or out of time: what earlier attempts have moved is the result.
int cancelled_message(Operation& operation, int result) {
  if (operation.exchange == nullptr) return result;
  if (operation.over) {  // its buffer was taken away: nothing is left but to say that it may go
    finish(operation, 0, IORING_CQE_F_NOTIF);
    return under_way;
  }
  const int ended = total(operation, result);
  if (!is_zero_copy(operation)) return ended;
  return end_zero_copy(operation, ended);
}

bool message_breaks_link(const Operation& operation, int result) {
  if (result < 0) return true;
  return wants_all(operation) && static_cast<std::uint64_t>(result) < operation.length;
}

std::size_t header_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  out[0] = {"msghdr", sqe.addr, sizeof(msghdr)};
  const auto* const header = reinterpret_cast<const msghdr*>(sqe.addr);
  if (!mapped(header, sizeof *header)) return 1;
  out[1] = {"iovec array of the msghdr", reinterpret_cast<std::uint64_t>(header->msg_iov),
            header->msg_iovlen * sizeof(iovec)};
  return 2;
}

std::size_t message_arguments(const io_uring_sqe& sqe, std::span<Argument, arguments_max> out) {
  if ((sqe.flags & IOSQE_BUFFER_SELECT) != 0) return 0;
  out[0] = {"buffer", sqe.addr, sqe.len};
  return 1;
}

}  // namespace percore::sim
