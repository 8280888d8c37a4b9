#pragma once

// Sockets modelled in memory: Options::sockets_in_memory. A descriptor of theirs is a real number,
// that of an unconnected socket, so that nothing else gets it and ordinary calls on it fail with a
// socket's errors. Streams (AF_INET, AF_INET6, AF_UNIX) lose, double and reorder nothing, but cut
// and join what is sent; datagrams stay whole, and those of the internet may be lost or overtaken.
// Not modelled: urgent data, ancillary data, socket options, addresses other than "this machine".
//
// All results are a count, a descriptor, or a negative errno; -EAGAIN where a blocking call waits.

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <span>

namespace percore::sim::network {

/// A message's parts, and for datagrams where it goes or came from.
struct Parts {
  std::span<const iovec> parts;
  sockaddr_storage address{};
  socklen_t address_length = 0;
  bool truncated = false;
};

void reset();
bool owns(int fd);

int open(int domain, int type, int protocol);
int bind(int fd, const sockaddr* address, socklen_t length);
int listen(int fd, int backlog);
/// Returns  0 at once, -EINPROGRESS or -EAGAIN: `connect_result` says more when POLLOUT is there.
int connect(int fd, const sockaddr* address, socklen_t length);
int connect_result(int fd);
int accept(int fd, int flags, sockaddr_storage* peer, socklen_t* length);
int shutdown(int fd, int how);
int name_of(int fd, bool of_peer, sockaddr* out, socklen_t* length);
int send(int fd, const Parts& message, int flags);
int receive(int fd, Parts& message, int flags);
/// Both ends see ECONNRESET.
void tear(int fd);
bool is_stream(int fd);
bool is_inet(int fd);
/// Whether a socket of this kind is one that can be modelled.
bool models(int domain, int type);
/// setsockopt(2): SO_REUSEPORT; everything else is accepted and changes nothing.
void set_option(int fd, int level, int name, const void* value, socklen_t length);
/// getsockopt(2): the error and what kind of socket it is; anything else reads as 0.
int option_of(int fd, int level, int name, void* value, socklen_t* length);
/// The other side has said that it sends no more.
bool end_told(int fd);
/// Bytes that a receive would find.
std::size_t unread(int fd);

/// The POLL... bits among `events`, and POLLERR and POLLHUP.
short poll(int fd, short events);
/// Grows with everything that happens at the descriptor: the edges that a multishot poll sees.
std::uint64_t activity(int fd);

/// `copy` leads to the same socket now; it ends when all its descriptors are closed.
void duplicated(int fd, int copy);
/// A descriptor was closed. Returns  false when it is none of ours.
bool close(int fd);
/// socket_calls.cpp is linked: a program can bind, listen, close. Without it nothing is modelled.
void calls_are_linked() noexcept;

/// When the next packet arrives.
std::int64_t next_due();
/// Lets what is due arrive.
void deliver();

}  // namespace percore::sim::network
