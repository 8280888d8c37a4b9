// What goes wrong with sockets: drawn at submission, told when it strikes.

#include <sys/socket.h>
#include <unistd.h>

#include "network.hpp"
#include "state.hpp"

namespace percore::sim {

namespace {

void tell(const Operation& operation, int result) {
  note(operation.ring, {.kind = Event::Kind::fault, .result = result, .operation = operation.id});
}

bool moves_bytes(const Operation& operation) {
  switch (operation.sqe.opcode) {
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG:
    case IORING_OP_SEND_ZC:
    case IORING_OP_SENDMSG_ZC:
    case IORING_OP_RECV:
    case IORING_OP_RECVMSG:
      return true;
    default:
      return false;
  }
}

}  // namespace

Exchange::~Exchange() {
  if (edges >= 0) close(edges);
}

void draw_socket_faults(Operation& operation) {
  Session& now = session();
  const Options& options = now.options;
  Exchange* const exchange = operation.exchange.get();
  const bool multishot = exchange != nullptr && exchange->multishot;
  if (moves_bytes(operation)) {
    if (fault_happens(options.interrupted_results_percent) && !multishot)
      operation.fault_result = -EINTR;
    if (fault_happens(options.connection_resets_percent)) operation.fault_result = -ECONNRESET;
    if (fault_happens(options.short_results_percent) && operation.length > 1 && !multishot)
      operation.bytes_max = draw_amount(operation.length - 1);
    const bool selects = (operation.sqe.flags & IOSQE_BUFFER_SELECT) != 0;
    if (selects && fault_happens(options.no_buffers_percent))
      exchange->starved_shot = static_cast<unsigned>(draw_amount(3));
  } else if (operation.sqe.opcode != IORING_OP_CONNECT) {
    if (fault_happens(options.too_many_files_percent)) operation.fault_result = -EMFILE;
  }
  if (multishot) draw_multishot_end(operation);
}

void draw_multishot_end(Operation& operation) {
  if (!operation.exchange->multishot) return;
  if (fault_happens(session().options.multishot_ends_percent))
    operation.exchange->shots_max = static_cast<unsigned>(draw_amount(4));
}

void draw_zero_copy_faults(Operation& operation) {
  draw_socket_faults(operation);
  constexpr std::uint64_t late_nanoseconds = 20'000'000;
  const Options& options = session().options;
  const bool at_once = session().random.percent(options.inline_percent);
  operation.exchange->notification_delay = at_once ? 0 : draw_delay();
  if (fault_happens(options.late_notifications_percent)) {
    operation.exchange->notification_delay +=
        static_cast<Nanoseconds>(1'000'000 + draw_amount(late_nanoseconds));
  }
}

int strike(Operation& operation) {
  const int fault = std::exchange(operation.fault_result, 0);
  if (fault != 0) tell(operation, fault);
  return fault;
}

int strike_stream(Operation& operation, int fd) {
  if (operation.fault_result == -ECONNRESET && !is_stream(fd)) operation.fault_result = 0;
  const int fault = strike(operation);
  if (fault == -ECONNRESET) {  // and so it stays, for both sides
    if (network::owns(fd)) {
      network::tear(fd);
    } else {
      ::shutdown(fd, SHUT_RDWR);
    }
  }
  if (fault == 0 && operation.bytes_max != 0)
    tell(operation, static_cast<int>(operation.bytes_max));
  return fault;
}

bool ends_here(const Operation& operation) {
  const Exchange& exchange = *operation.exchange;
  if (exchange.shots_max != 0 && exchange.shots >= exchange.shots_max) {
    tell(operation, 0);
    return true;
  }
  return completions_full(*operation.ring);  // as the kernel does: no multishot into an overflow
}

bool is_socket(int fd) {
  int kind = 0;
  socklen_t size = sizeof kind;
  return network::owns(fd) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) == 0;
}

bool is_inet(int fd) {
  if (network::owns(fd)) return network::is_inet(fd);
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

bool is_stream(int fd) {
  if (network::owns(fd)) return network::is_stream(fd);
  int kind = 0;
  socklen_t size = sizeof kind;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 &&
         (kind == SOCK_STREAM || kind == SOCK_SEQPACKET);
}

}  // namespace percore::sim
