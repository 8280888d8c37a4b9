// The ordinary calls on sockets, so that a server which binds and listens by them runs unchanged on
// modelled sockets. An object of its own: only programs that link it have them. On everything but a
// modelled socket they do what the C library's do.

#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "network.hpp"
#include "state.hpp"

namespace {

namespace network = percore::sim::network;
using percore::sim::Call;
using percore::sim::inside_simulation;

const bool linked = (network::calls_are_linked(), true);

template <typename Function>
Function* next_of(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int answer(int result) {
  if (result >= 0) return result;
  errno = -result;
  return -1;
}

// The simulation's own calls, and those on anything else, go on to the C library.
bool ours(int fd) {
  return !inside_simulation() && network::owns(fd);
}

bool models(int domain, int type) {
  return !inside_simulation() && percore::sim::options().sockets_in_memory &&
         network::models(domain, type);
}

// A descriptor that may block waits, on virtual time, until `attempt` gives something else than
// EAGAIN; when nothing is on its way, nothing ever will be.
template <typename Attempt>
int until_done(int fd, int flags, short events, Attempt attempt) {
  const int status = fcntl(fd, F_GETFL);
  const bool blocks = (status & O_NONBLOCK) == 0 && (flags & MSG_DONTWAIT) == 0;
  for (;;) {
    const int result = attempt();
    const bool waits = result == -EAGAIN || result == -EINPROGRESS;
    if (!waits || !blocks || !percore::sim::pass_until_stirred(fd, events)) return answer(result);
  }
}

}  // namespace

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  static const auto next = next_of<decltype(socket)>("socket");
  if (!models(domain, type)) return next(domain, type, protocol);
  const Call call;
  return answer(network::open(domain, type, protocol));
}

int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  static const auto next = next_of<decltype(bind)>("bind");
  if (!ours(fd)) return next(fd, address, length);
  const Call call;
  return answer(network::bind(fd, address, length));
}

int listen(int fd, int backlog) noexcept {
  static const auto next = next_of<decltype(listen)>("listen");
  if (!ours(fd)) return next(fd, backlog);
  const Call call;
  return answer(network::listen(fd, backlog));
}

int getsockname(int fd, sockaddr* address, socklen_t* length) noexcept {
  static const auto next = next_of<decltype(getsockname)>("getsockname");
  if (!ours(fd)) return next(fd, address, length);
  const Call call;
  return answer(network::name_of(fd, false, address, length));
}

int getpeername(int fd, sockaddr* address, socklen_t* length) noexcept {
  static const auto next = next_of<decltype(getpeername)>("getpeername");
  if (!ours(fd)) return next(fd, address, length);
  const Call call;
  return answer(network::name_of(fd, true, address, length));
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t length) noexcept {
  static const auto next = next_of<decltype(setsockopt)>("setsockopt");
  if (!ours(fd)) return next(fd, level, name, value, length);
  const Call call;
  network::set_option(fd, level, name, value, length);
  return 0;
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* length) noexcept {
  static const auto next = next_of<decltype(getsockopt)>("getsockopt");
  if (!ours(fd)) return next(fd, level, name, value, length);
  const Call call;
  return answer(network::option_of(fd, level, name, value, length));
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  static const auto next = next_of<decltype(connect)>("connect");
  if (!ours(fd)) return next(fd, address, length);
  const Call call;
  bool started = false;
  return until_done(fd, 0, POLLOUT, [&] {
    if (started) return network::connect_result(fd);
    started = true;
    return network::connect(fd, address, length);
  });
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  static const auto next = next_of<decltype(accept4)>("accept4");
  if (!ours(fd)) return next(fd, address, length, flags);
  const Call call;
  sockaddr_storage from{};
  socklen_t from_length = 0;
  const int made =
      until_done(fd, 0, POLLIN, [&] { return network::accept(fd, flags, &from, &from_length); });
  if (made >= 0 && address != nullptr && length != nullptr) {
    std::memcpy(address, &from, *length < from_length ? *length : from_length);
    *length = from_length;
  }
  return made;
}

int accept(int fd, sockaddr* address, socklen_t* length) {
  return accept4(fd, address, length, 0);
}

ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  static const auto next = next_of<decltype(send)>("send");
  if (!ours(fd)) return next(fd, bytes, size, flags);
  const Call call;
  const iovec part{const_cast<void*>(bytes), size};
  return until_done(fd, flags, POLLOUT,
                    [&] { return network::send(fd, {.parts = {&part, 1}}, flags); });
}

ssize_t recv(int fd, void* bytes, size_t size, int flags) {
  static const auto next = next_of<decltype(recv)>("recv");
  if (!ours(fd)) return next(fd, bytes, size, flags);
  const Call call;
  const iovec part{bytes, size};
  return until_done(fd, flags, POLLIN, [&] {
    network::Parts message{.parts = {&part, 1}};
    return network::receive(fd, message, flags);
  });
}

int shutdown(int fd, int how) noexcept {
  static const auto next = next_of<decltype(shutdown)>("shutdown");
  if (!ours(fd)) return next(fd, how);
  const Call call;
  return answer(network::shutdown(fd, how));
}

int close(int fd) {
  static const auto next = next_of<decltype(close)>("close");
  if (ours(fd)) {
    const Call call;
    network::close(fd);
  }
  return next(fd);
}

}  // extern "C"
