// The modelled network: sockets, and one queue of packets under way between them. TCP's rules as a
// program sees them; nothing of its windows, checksums or retransmissions but the time they take.
//
// Invariants
//   1  Packets of a stream arrive in the order of their sending.
//   2  What lies at a socket unread and what is on its way to it is never more than its capacity.
//   3  A reset or an end is told to each side once; after it, reads give 0 and sends EPIPE.

#include "network.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "state.hpp"

namespace percore::sim::network {

namespace {

using Number = std::uint64_t;  // a socket's, in the order of their making

constexpr Nanoseconds first_retry = 1'000'000'000;  // of a SYN that found the backlog full
constexpr unsigned retries_max = 6;                 // tcp_syn_retries
constexpr unsigned first_free_port = 32'768;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

struct Datagram {
  std::string bytes;
  Address from;
};

struct Socket {
  Number number = 0;
  int fd = -1;               // -1 after its close: it lives on while packets come to it
  unsigned descriptors = 0;  // numbers that lead to it: the program's, and those of operations
  int domain = AF_INET;
  bool stream = true;
  Address local, remote;
  Number peer = 0;           // of a stream
  bool waits = false;        // in a listener's backlog: nobody has its descriptor yet
  bool shares_port = false;  // SO_REUSEPORT
  bool listens = false, connecting = false, connected = false;
  unsigned backlog = 0;
  std::deque<Number> to_accept;
  std::string inbox;
  std::deque<Datagram> datagrams;
  std::size_t capacity = 0, under_way = 0;
  bool ended = false;     // nothing more comes: the other side's end, or an error
  bool end_told = false;  // it was the other side's end: a later error is told to sends only
  bool read_shut = false, write_shut = false;
  int error = 0;  // told once, by whichever call comes first
  Nanoseconds last_arrival = 0;
  std::uint64_t activity = 0;

  bool is_local() const { return domain == AF_UNIX; }
};

enum class Kind : std::uint8_t { hello, welcome, refusal, data, end, reset };

struct Packet {
  Kind kind;
  Number to;
  std::string bytes{};
  Address from{};
  unsigned attempt = 0;
};

struct Network {
  std::map<Number, Socket> sockets;
  std::map<int, Number> by_descriptor;
  std::map<std::pair<Nanoseconds, std::uint64_t>, Packet> under_way;
  Number last_number = 0;
  std::uint64_t last_packet = 0;
  unsigned next_port = first_free_port;
  Random random;
};

Network& network() {
  // Never destroyed, as the session: sockets may be closed after main has returned.
  alignas(Network) static unsigned char memory[sizeof(Network)];
  static Network& only = *new (memory) Network;
  return only;
}

bool calls_linked = false;

Socket* find(Number number) {
  const auto found = network().sockets.find(number);
  return found == network().sockets.end() ? nullptr : &found->second;
}

Socket* find_descriptor(int fd) {
  auto& descriptors = network().by_descriptor;
  if (descriptors.empty()) return nullptr;
  const auto found = descriptors.find(fd);
  return found == descriptors.end() ? nullptr : find(found->second);
}

Nanoseconds draw_travel() {
  Random& random = network().random;
  const Options& options = session().options;
  if (random.percent(options.inline_percent)) return 0;
  const auto longest =
      static_cast<std::uint64_t>(std::max<Nanoseconds>(options.delay_nanoseconds_max, 1));
  return static_cast<Nanoseconds>(1 + random.below(random.below(3) == 0 ? longest : longest / 16));
}

void put_under_way(Packet packet, Nanoseconds travel) {
  Network& all = network();
  Nanoseconds due = session().clock + travel;
  if (Socket* const to = find(packet.to); to != nullptr && (to->stream || to->is_local())) {
    due = std::max(due, to->last_arrival);
    to->last_arrival = due;
  }
  all.under_way.emplace(std::pair{due, ++all.last_packet}, std::move(packet));
  session().next_due = std::min(session().next_due, due);
}

void send_packet(const Socket& from, Packet packet) {
  put_under_way(std::move(packet), from.is_local() ? 0 : draw_travel());
}

// The end of a socket nobody can reach any more.
void forget_if_gone(Number number) {
  Socket* const gone = find(number);
  if (gone == nullptr || gone->fd >= 0 || gone->waits) return;
  Socket* const peer = find(gone->peer);
  if (peer != nullptr && (peer->fd >= 0 || peer->waits)) return;
  if (peer != nullptr) network().sockets.erase(peer->number);
  network().sockets.erase(number);
}

void take_error(Socket& socket, int error) {
  socket.error = error;
  socket.ended = socket.write_shut = true;
  socket.connected = socket.connecting = false;
  ++socket.activity;
}

bool is_any(const Address& address) {
  if (address.storage.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr.s_addr == INADDR_ANY;
  }
  const auto& wide = reinterpret_cast<const sockaddr_in6&>(address.storage);
  return std::memcmp(&wide.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0;
}

unsigned port_of(const Address& address) {
  // The port lies at the same place in both kinds of address.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

void set_port(Address& address, unsigned port) {
  reinterpret_cast<sockaddr_in&>(address.storage).sin_port = htons(static_cast<in_port_t>(port));
}

bool same_host(const Address& bound, const Address& asked) {
  if (is_any(bound) || is_any(asked)) return true;
  if (bound.storage.ss_family != asked.storage.ss_family) return false;
  if (bound.storage.ss_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in&>(bound.storage).sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in&>(asked.storage).sin_addr.s_addr;
  }
  return std::memcmp(&reinterpret_cast<const sockaddr_in6&>(bound.storage).sin6_addr,
                     &reinterpret_cast<const sockaddr_in6&>(asked.storage).sin6_addr,
                     sizeof(in6_addr)) == 0;
}

bool reaches(const Socket& socket, const Address& asked) {
  if (socket.local.length == 0) return false;
  if (socket.is_local()) {
    return asked.storage.ss_family == AF_UNIX && socket.local.length == asked.length &&
           std::memcmp(&socket.local.storage, &asked.storage, asked.length) == 0;
  }
  if (asked.storage.ss_family == AF_UNIX) return false;
  // A listener on :: takes IPv4 too; one on an IPv4 address takes no IPv6.
  if (socket.domain == AF_INET && asked.storage.ss_family == AF_INET6) return false;
  return port_of(socket.local) == port_of(asked) && same_host(socket.local, asked);
}

// Several sockets may share a port (SO_REUSEPORT): one of them is drawn, as a kernel's hash would.
Socket* find_bound(const Address& asked, bool stream) {
  std::vector<Socket*> found;
  for (auto& [number, socket] : network().sockets) {
    const bool open = stream ? socket.listens : socket.fd >= 0;
    if (socket.stream == stream && open && reaches(socket, asked)) found.push_back(&socket);
  }
  if (found.size() <= 1) return found.empty() ? nullptr : found.front();
  return found[network().random.below(found.size())];
}

int read_address(const Socket& socket, const sockaddr* address, socklen_t length, Address& out) {
  if (address == nullptr || length < sizeof(sa_family_t) || length > sizeof out.storage)
    return -EINVAL;
  std::memcpy(&out.storage, address, length);
  out.length = length;
  if (socket.is_local()) return out.storage.ss_family == AF_UNIX ? 0 : -EINVAL;
  const std::size_t needed =
      out.storage.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (out.storage.ss_family != AF_INET && out.storage.ss_family != AF_INET6) return -EAFNOSUPPORT;
  if (out.storage.ss_family == AF_INET6 && socket.domain == AF_INET) return -EAFNOSUPPORT;
  return length < needed ? -EINVAL : 0;
}

void bind_to_free_port(Socket& socket) {
  Network& all = network();
  if (socket.local.length == 0) {
    socket.local.storage.ss_family = static_cast<sa_family_t>(socket.domain);
    socket.local.length = socket.domain == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }
  set_port(socket.local, all.next_port);
  all.next_port = all.next_port == 60'999 ? first_free_port : all.next_port + 1;
}

Socket& make(int fd, int domain, bool stream) {
  Network& all = network();
  const Number number = ++all.last_number;
  if (number == 1) all.random.state = session().options.seed ^ 0x5EA'50CC'E75Eu;
  Socket& made = all.sockets[number];
  made.number = number;
  made.fd = fd;
  made.descriptors = 1;
  made.domain = domain;
  made.stream = stream;
  const std::size_t asked = session().options.socket_buffer_bytes;
  made.capacity = asked != 0 ? asked : std::size_t{2048} << all.random.below(6);
  all.by_descriptor[fd] = number;
  return made;
}

int reserve_descriptor(int flags) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | (flags & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0);
  return fd < 0 ? -errno : fd;
}

void join(Socket& one, Socket& other) {
  one.peer = other.number, other.peer = one.number;
  one.connected = other.connected = true;
  one.remote = other.local, other.remote = one.local;
}

// A SYN has come to where `client` wanted to go.
void meet(Socket& client, unsigned attempt) {
  if (!client.connecting) return;
  Socket* const listener = find_bound(client.remote, true);
  if (listener == nullptr) return send_packet(client, {.kind = Kind::refusal, .to = client.number});
  if (listener->to_accept.size() > listener->backlog) {
    if (client.is_local()) return;  // a waiting accept makes room, and calls again
    if (attempt == retries_max) return take_error(client, ETIMEDOUT);
    return put_under_way({.kind = Kind::hello, .to = client.number, .attempt = attempt + 1},
                         first_retry << attempt);
  }
  Network& all = network();
  const Number number = ++all.last_number;
  Socket& server = all.sockets[number];
  server.number = number;
  server.domain = listener->domain;
  server.capacity = listener->capacity;
  server.local = client.remote;
  const Address asked = client.remote;
  join(client, server);
  client.remote = asked;
  client.connected = false;  // until the welcome is here
  server.waits = true;
  listener->to_accept.push_back(number);
  ++listener->activity;
  send_packet(client, {.kind = Kind::welcome, .to = client.number});
}

void arrive(Socket& socket, Packet& packet) {
  ++socket.activity;
  switch (packet.kind) {
    case Kind::hello:
      return meet(socket, packet.attempt);
    case Kind::welcome:
      if (socket.connecting) socket.connecting = false, socket.connected = true;
      return;
    case Kind::refusal:
      return take_error(socket, ECONNREFUSED);
    case Kind::reset:
      // What had come before it stays readable. A side that has been told of the end already gets
      // EPIPE.
      return take_error(socket, socket.ended ? EPIPE : ECONNRESET);
    case Kind::end:
      socket.ended = socket.end_told = true;
      return;
    case Kind::data:
      break;
  }
  socket.under_way -= packet.bytes.size();
  if (!socket.stream) {
    if (socket.fd >= 0) socket.datagrams.push_back({std::move(packet.bytes), packet.from});
    return;
  }
  if (socket.fd < 0 && socket.read_shut) {  // nobody will ever read it
    if (find(socket.peer) != nullptr) send_packet(socket, {.kind = Kind::reset, .to = socket.peer});
    return;
  }
  // Both directions were shut: TCP calls it off when data comes all the same (tcp_input.c, after
  // RFC 1122, 4.2.2.13).
  if (!socket.is_local() && socket.read_shut && socket.write_shut && !socket.ended) {
    if (find(socket.peer) != nullptr) send_packet(socket, {.kind = Kind::reset, .to = socket.peer});
    return take_error(socket, ECONNRESET);
  }
  if (!socket.ended) socket.inbox += packet.bytes;
}

std::size_t waiting_bytes(const Socket& socket) {
  std::size_t bytes = socket.inbox.size() + socket.under_way;
  for (const Datagram& datagram : socket.datagrams) bytes += datagram.bytes.size();
  return bytes;
}

std::string gather(const Parts& message, std::size_t bytes_max) {
  std::string bytes;
  for (const iovec& part : message.parts) {
    const std::size_t size = std::min(part.iov_len, bytes_max - bytes.size());
    if (size != 0) bytes.append(static_cast<const char*>(part.iov_base), size);
  }
  return bytes;
}

std::size_t scatter(const Parts& message, const std::string& bytes) {
  std::size_t done = 0;
  for (const iovec& part : message.parts) {
    const std::size_t size = std::min(part.iov_len, bytes.size() - done);
    if (size != 0) std::memcpy(part.iov_base, bytes.data() + done, size);
    done += size;
  }
  return done;
}

std::size_t size_of(const Parts& message) {
  std::size_t size = 0;
  for (const iovec& part : message.parts) size += part.iov_len;
  return size;
}

int take_told(Socket& socket) {
  return -std::exchange(socket.error, 0);
}

int send_stream(Socket& socket, const Parts& message) {
  if (socket.error != 0) return take_told(socket);
  if (socket.write_shut) return -EPIPE;
  if (socket.connecting) return -EAGAIN;
  Socket* const peer = find(socket.peer);
  if (!socket.connected || peer == nullptr) return socket.ended ? -EPIPE : -ENOTCONN;
  if (socket.is_local() && peer->fd < 0 && peer->read_shut) return -EPIPE;
  const std::size_t waiting = waiting_bytes(*peer);
  const std::size_t room = peer->capacity - std::min(peer->capacity, waiting);
  const std::size_t size = size_of(message);
  if (size == 0) return 0;
  if (room == 0) return -EAGAIN;
  const std::string bytes = gather(message, std::min(size, room));
  Random& random = network().random;
  for (std::size_t from = 0; from != bytes.size();) {
    const std::size_t left = bytes.size() - from;
    const bool whole = socket.is_local() || random.percent(session().options.inline_percent) ||
                       random.below(2) == 0;
    const std::size_t piece = whole ? left : 1 + random.below(left);
    peer->under_way += piece;
    send_packet(socket,
                {.kind = Kind::data, .to = peer->number, .bytes = bytes.substr(from, piece)});
    from += piece;
  }
  return static_cast<int>(bytes.size());
}

int send_datagram(Socket& socket, const Parts& message) {
  if (socket.error != 0) return take_told(socket);
  if (socket.write_shut) return -EPIPE;
  Address to = socket.remote;
  if (message.address_length != 0) {
    const auto* const asked = reinterpret_cast<const sockaddr*>(&message.address);
    if (const int bad = read_address(socket, asked, message.address_length, to); bad != 0)
      return bad;
  } else if (!socket.connected) {
    return socket.is_local() ? -ENOTCONN : -EDESTADDRREQ;
  }
  const std::size_t size = size_of(message);
  if (size > 65'507) return -EMSGSIZE;
  if (socket.local.length == 0 && !socket.is_local()) bind_to_free_port(socket);
  Socket* target = socket.peer != 0 ? find(socket.peer) : find_bound(to, false);
  if (target == nullptr && socket.is_local()) return -ECONNREFUSED;
  if (target == nullptr) {
    if (socket.connected) send_packet(socket, {.kind = Kind::refusal, .to = socket.number});
    return static_cast<int>(size);
  }
  const std::size_t waiting = waiting_bytes(*target) + target->datagrams.size();
  const bool full = waiting != 0 && waiting + size > target->capacity;
  if (full && socket.is_local()) return -EAGAIN;
  if (full || (!socket.is_local() && fault_happens(session().options.lost_packets_percent)))
    return static_cast<int>(size);
  target->under_way += size;
  send_packet(socket, {.kind = Kind::data,
                       .to = target->number,
                       .bytes = gather(message, size),
                       .from = socket.local});
  return static_cast<int>(size);
}

int receive_stream(Socket& socket, Parts& message, int flags) {
  const std::size_t size = size_of(message);
  if (!socket.inbox.empty()) {
    const std::size_t found = std::min(size, socket.inbox.size());
    scatter(message, socket.inbox.substr(0, found));
    if ((flags & MSG_PEEK) == 0) socket.inbox.erase(0, found);
    if (Socket* const peer = find(socket.peer); peer != nullptr) ++peer->activity;
    return static_cast<int>(found);
  }
  if (socket.end_told) return 0;
  if (socket.error != 0) return take_told(socket);
  if (socket.ended || socket.read_shut) return 0;
  if (!socket.connected && !socket.connecting) return -ENOTCONN;
  return -EAGAIN;
}

int receive_datagram(Socket& socket, Parts& message, int flags) {
  if (socket.error != 0) return take_told(socket);
  if (socket.datagrams.empty()) return socket.read_shut ? 0 : -EAGAIN;
  const Datagram& first = socket.datagrams.front();
  const std::size_t whole = first.bytes.size();
  const std::size_t found = scatter(message, first.bytes);
  message.address = first.from.storage;
  message.address_length = first.from.length;
  message.truncated = found < whole;
  if ((flags & MSG_PEEK) == 0) socket.datagrams.pop_front();
  return static_cast<int>((flags & MSG_TRUNC) != 0 ? whole : found);
}

void close_stream(Socket& socket) {
  Socket* const peer = find(socket.peer);
  if (peer != nullptr && peer->error == 0 && !socket.write_shut) {
    const bool unread_data = !socket.inbox.empty();
    send_packet(socket, {.kind = unread_data ? Kind::reset : Kind::end, .to = peer->number});
  } else if (peer != nullptr && !socket.inbox.empty()) {
    send_packet(socket, {.kind = Kind::reset, .to = peer->number});
  }
  socket.read_shut = socket.write_shut = true;
  socket.inbox.clear();
}

}  // namespace

void reset() {
  if (session().options.sockets_in_memory && !calls_linked) {
    std::fprintf(stderr,
                 "simulated ring: sockets_in_memory needs simring_socket_calls; link the program "
                 "with it, so that its bind, listen and close reach the modelled sockets\n");
    std::abort();
  }
  Network& all = network();
  all.sockets.clear();
  all.by_descriptor.clear();
  all.under_way.clear();
  all.last_number = all.last_packet = 0;
  all.next_port = first_free_port;
}

bool owns(int fd) {
  return find_descriptor(fd) != nullptr;
}

int open(int domain, int type, int) {
  const int fd = reserve_descriptor(type);
  if (fd >= 0) make(fd, domain, (type & 0xF) == SOCK_STREAM);
  return fd;
}

int bind(int fd, const sockaddr* address, socklen_t length) {
  Socket& socket = *find_descriptor(fd);
  if (socket.local.length != 0) return -EINVAL;
  Address wanted;
  if (const int bad = read_address(socket, address, length, wanted); bad != 0) return bad;
  const bool chooses = !socket.is_local() && port_of(wanted) == 0;
  for (auto& [number, other] : network().sockets) {
    const bool theirs = other.fd >= 0 && other.peer == 0 && other.stream == socket.stream;
    if (!chooses && theirs && reaches(other, wanted) && !(other.shares_port && socket.shares_port))
      return -EADDRINUSE;
  }
  socket.local = wanted;
  if (chooses) bind_to_free_port(socket);
  return 0;
}

int listen(int fd, int backlog) {
  Socket& socket = *find_descriptor(fd);
  if (!socket.stream) return -EOPNOTSUPP;
  if (socket.connected || socket.connecting) return -EINVAL;
  if (socket.local.length == 0 && socket.is_local()) return -EINVAL;
  if (socket.local.length == 0) bind_to_free_port(socket);
  socket.listens = true;
  socket.backlog = static_cast<unsigned>(std::clamp(backlog, 0, 4096));
  return 0;
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  Socket& socket = *find_descriptor(fd);
  Address wanted;
  if (const int bad = read_address(socket, address, length, wanted); bad != 0) return bad;
  if (!socket.stream) {
    socket.remote = wanted, socket.connected = true;
    if (socket.local.length == 0 && !socket.is_local()) bind_to_free_port(socket);
    return 0;
  }
  if (socket.connected || socket.peer != 0) return -EISCONN;
  if (socket.listens) return socket.is_local() ? -EINVAL : -EISCONN;
  if (socket.connecting) return -EALREADY;
  if (socket.is_local() && find_bound(wanted, true) == nullptr) return -ECONNREFUSED;
  if (socket.local.length == 0 && !socket.is_local()) {
    socket.local = wanted;  // the same host: there is but one
    bind_to_free_port(socket);
  }
  socket.remote = wanted;
  socket.error = 0;
  socket.ended = socket.write_shut = false;
  socket.connecting = true;
  send_packet(socket, {.kind = Kind::hello, .to = socket.number});
  deliver();
  return socket.connecting ? -EINPROGRESS : connect_result(fd);
}

int connect_result(int fd) {
  Socket& socket = *find_descriptor(fd);
  if (socket.error != 0) {
    socket.ended = socket.write_shut = false;  // it may try again
    return take_told(socket);
  }
  return socket.connecting ? -EINPROGRESS : 0;
}

int accept(int fd, int flags, sockaddr_storage* peer, socklen_t* length) {
  Socket& listener = *find_descriptor(fd);
  if (!listener.listens) return listener.stream ? -EINVAL : -EOPNOTSUPP;
  if (listener.to_accept.empty()) return -EAGAIN;
  const int made = reserve_descriptor(flags);
  if (made < 0) return made;
  Socket& server = *find(listener.to_accept.front());
  listener.to_accept.pop_front();
  server.waits = false;
  server.fd = made;
  server.descriptors = 1;
  network().by_descriptor[made] = server.number;
  if (peer != nullptr) *peer = server.remote.storage;
  if (length != nullptr) *length = server.remote.length;
  if (listener.is_local()) {  // connects that found no room
    for (auto& [number, client] : network().sockets) {
      const bool waits = client.connecting && client.peer == 0 && client.is_local();
      if (waits && reaches(listener, client.remote))
        send_packet(client, {.kind = Kind::hello, .to = number});
    }
  }
  return made;
}

int shutdown(int fd, int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  Socket& socket = *find_descriptor(fd);
  if (socket.listens && how != SHUT_WR) {
    socket.listens = false;
    ++socket.activity;
    return 0;
  }
  if (socket.stream && !socket.connected && !socket.ended) return -ENOTCONN;
  // Both sides have said that they end: TCP's connection is no more (inet_shutdown in the kernel).
  if (socket.stream && !socket.is_local() && socket.ended && socket.write_shut) return -ENOTCONN;
  if (how != SHUT_WR) socket.read_shut = true;
  Socket* const peer = find(socket.peer);
  if (how != SHUT_RD && !socket.write_shut) {
    socket.write_shut = true;
    if (peer != nullptr && socket.stream)
      send_packet(socket, {.kind = Kind::end, .to = peer->number});
  }
  ++socket.activity;
  return 0;
}

int name_of(int fd, bool of_peer, sockaddr* out, socklen_t* length) {
  const Socket& socket = *find_descriptor(fd);
  Address name = of_peer ? socket.remote : socket.local;
  if (of_peer && !socket.connected) return -ENOTCONN;
  if (name.length == 0) {
    name.storage.ss_family = static_cast<sa_family_t>(socket.domain);
    name.length = socket.is_local() ? sizeof(sa_family_t) : sizeof(sockaddr_in);
  }
  std::memcpy(out, &name.storage, std::min<std::size_t>(*length, name.length));
  *length = name.length;
  return 0;
}

int send(int fd, const Parts& message, int flags) {
  Socket& socket = *find_descriptor(fd);
  if ((flags & MSG_OOB) != 0) return -EOPNOTSUPP;
  return socket.stream ? send_stream(socket, message) : send_datagram(socket, message);
}

int receive(int fd, Parts& message, int flags) {
  Socket& socket = *find_descriptor(fd);
  if ((flags & MSG_OOB) != 0) return -EINVAL;
  return socket.stream ? receive_stream(socket, message, flags)
                       : receive_datagram(socket, message, flags);
}

void tear(int fd) {
  Socket& socket = *find_descriptor(fd);
  if (Socket* const peer = find(socket.peer); peer != nullptr && socket.connected)
    send_packet(socket, {.kind = Kind::reset, .to = peer->number});
  take_error(socket, 0);
  socket.inbox.clear();
}

bool is_stream(int fd) {
  return find_descriptor(fd)->stream;
}

bool is_inet(int fd) {
  return !find_descriptor(fd)->is_local();
}

bool models(int domain, int type) {
  const int kind = type & 0xF;
  const bool known = domain == AF_INET || domain == AF_INET6 || domain == AF_UNIX;
  return calls_linked && known && (kind == SOCK_STREAM || kind == SOCK_DGRAM);
}

void set_option(int fd, int level, int name, const void* value, socklen_t length) {
  int given = 0;
  if (length < sizeof given) return;
  std::memcpy(&given, value, sizeof given);
  if (level == SOL_SOCKET && name == SO_REUSEPORT) find_descriptor(fd)->shares_port = given != 0;
}

int option_of(int fd, int level, int name, void* value, socklen_t* length) {
  Socket& socket = *find_descriptor(fd);
  int found = 0;
  if (level == SOL_SOCKET && name == SO_ERROR) found = std::exchange(socket.error, 0);
  if (level == SOL_SOCKET && name == SO_TYPE) found = socket.stream ? SOCK_STREAM : SOCK_DGRAM;
  if (level == SOL_SOCKET && name == SO_DOMAIN) found = socket.domain;
  if (level == SOL_SOCKET && name == SO_ACCEPTCONN) found = socket.listens ? 1 : 0;
  const socklen_t size = std::min<socklen_t>(*length, sizeof found);
  std::memcpy(value, &found, size);
  *length = size;
  return 0;
}

bool end_told(int fd) {
  return find_descriptor(fd)->end_told;
}

std::size_t unread(int fd) {
  const Socket& socket = *find_descriptor(fd);
  return socket.stream ? socket.inbox.size()
                       : (socket.datagrams.empty() ? 0 : socket.datagrams.front().bytes.size());
}

short poll(int fd, short events) {
  const Socket& socket = *find_descriptor(fd);
  int found = 0;
  if (socket.listens) return static_cast<short>(events & (socket.to_accept.empty() ? 0 : POLLIN));
  const bool over = socket.ended || socket.read_shut;
  if (!socket.inbox.empty() || !socket.datagrams.empty() || over || socket.error != 0)
    found |= POLLIN | POLLRDNORM;
  if (over) found |= POLLRDHUP;
  if (socket.error != 0) found |= POLLERR;
  const bool idle = socket.stream && !socket.connected && !socket.connecting;
  if ((socket.write_shut && over) || idle) found |= POLLHUP;
  const Socket* const peer = find(socket.peer);
  const bool room = peer == nullptr || waiting_bytes(*peer) * 3 <= peer->capacity * 2;
  if (!socket.connecting && (room || socket.write_shut)) found |= POLLOUT | POLLWRNORM;
  return static_cast<short>(found & (events | POLLERR | POLLHUP));
}

std::uint64_t activity(int fd) {
  return find_descriptor(fd)->activity;
}

void duplicated(int fd, int copy) {
  Socket& socket = *find_descriptor(fd);
  network().by_descriptor[copy] = socket.number;
  ++socket.descriptors;
}

bool close(int fd) {
  const auto found = network().by_descriptor.find(fd);
  if (found == network().by_descriptor.end()) return false;
  const Number number = found->second;
  network().by_descriptor.erase(found);
  Socket& socket = *find(number);
  if (--socket.descriptors != 0) return true;
  socket.fd = -1;
  socket.listens = false;
  for (const Number waiting : std::exchange(socket.to_accept, {})) {
    Socket& server = *find(waiting);
    send_packet(server, {.kind = Kind::reset, .to = server.peer});
    server.read_shut = server.write_shut = true;
    server.waits = false;
    forget_if_gone(waiting);
  }
  if (socket.stream) close_stream(socket);
  deliver();
  forget_if_gone(number);
  return true;
}

void calls_are_linked() noexcept {
  calls_linked = true;
}

std::int64_t next_due() {
  const auto& under_way = network().under_way;
  return under_way.empty() ? never : under_way.begin()->first.first;
}

void deliver() {
  auto& under_way = network().under_way;
  while (!under_way.empty() && under_way.begin()->first.first <= session().clock) {
    Packet packet = std::move(under_way.begin()->second);
    under_way.erase(under_way.begin());
    if (Socket* const socket = find(packet.to); socket != nullptr) arrive(*socket, packet);
  }
}

}  // namespace percore::sim::network
