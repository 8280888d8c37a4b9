// A TCP server that sends back what it gets: `tcp_server PORT`, 0 for a free one. It ends when its
// standard input does. accept, recv and send are entries of the ring, since percore has no sockets
// yet.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <percore/io.hpp>
#include <span>

using namespace percore;

namespace {

auto accept_one(int listener) {
  io_uring_sqe entry{};
  io_uring_prep_accept(&entry, listener, nullptr, nullptr, SOCK_CLOEXEC);
  return perform(entry);
}

auto receive(int connection, std::span<char> into) {
  io_uring_sqe entry{};
  io_uring_prep_recv(&entry, connection, into.data(), into.size(), 0);
  return perform(entry);
}

auto send_some(int connection, std::span<const char> from) {
  io_uring_sqe entry{};
  io_uring_prep_send(&entry, connection, from.data(), from.size(), MSG_NOSIGNAL);
  return perform(entry);
}

Task<> serves(int connection) {
  std::array<char, 4096> buffer;
  for (bool open = true; open;) {
    const Result<std::uint32_t> got = co_await receive(connection, buffer);
    if (!got || *got == 0) break;
    for (std::span<const char> rest(buffer.data(), *got); open && !rest.empty();) {
      const Result<std::uint32_t> sent = co_await send_some(connection, rest);
      open = sent.has_value();
      if (open) rest = rest.subspan(*sent);
    }
  }
  close(connection);
}

Task<> accepts(int listener) {
  for (;;) {
    const Result<std::uint32_t> connection = co_await accept_one(listener);
    if (!connection) co_return;  // ECANCELED: the executor ends
    spawn(serves(static_cast<int>(*connection)));
  }
}

// What runs when the root has ended is cancelled.
Task<> root(int listener) {
  spawn(accepts(listener));
  std::array<std::byte, 64> ignored;
  for (;;) {
    const Result<std::uint32_t> got = co_await read(STDIN_FILENO, ignored);
    if (!got || *got == 0) co_return;
  }
}

int listen_on(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t length = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || bind(listener, generic, length) != 0 || listen(listener, 512) != 0 ||
      getsockname(listener, generic, &length) != 0) {
    std::perror("no socket can listen on this port");
    std::exit(1);
  }
  std::printf("listening on port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main(int argument_count, char** arguments) {
  const int listener =
      listen_on(static_cast<std::uint16_t>(argument_count > 1 ? std::atoi(arguments[1]) : 0));
  Executor().run(root(listener));
  close(listener);
}
