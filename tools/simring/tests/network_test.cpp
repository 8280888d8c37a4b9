// The modelled network by itself: what a loopback never shows, ordinary calls on it, and the same
// run for the same seed.

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "fixture.hpp"
#include "sockets_fixture.hpp"

namespace percore::sim::test {

namespace {

Options modelled(Options options) {
  options.sockets_in_memory = true;
  return options;
}

int new_socket(int kind) {
  const int fd = ::socket(AF_INET, kind, 0);
  REQUIRE(fd >= 0);
  return fd;
}

struct Echoed {
  std::uint64_t hash = 0;
  std::set<int> sizes;  // of the receives
  std::string text;
};

// A client sends a text through an echo server, both tolerant of everything that may pass.
Echoed echo(const Options& options) {
  Run run(options);
  OpenRing ring(32);
  const Connection both(ring, AF_INET);
  const std::string text(3000, 'e');
  static char at_server[512], at_client[512];
  Echoed result;
  std::size_t sent = 0, back_from = 0, back_to = 0;
  const auto send_more = [&] {
    io_uring_prep_send(ring.entry(1), both.client, text.data() + sent, text.size() - sent, 0);
  };
  const auto receive = [&](std::uint64_t user_data, int fd, char* buffer) {
    io_uring_prep_recv(ring.entry(user_data), fd, buffer, 512, 0);
  };
  send_more(), receive(2, both.server, at_server), receive(4, both.client, at_client);
  bool dead = false;
  unsigned pending = 3;
  while (pending != 0) {
    for (const auto& one : ring.wait(1)) {
      --pending;
      const bool again = one.result == -EINTR;
      if (one.result < 0 && !again) dead = true;
      if (dead && !again) {
        ::shutdown(both.client, SHUT_RDWR);
        ::shutdown(both.server, SHUT_RDWR);
        continue;
      }
      const auto moved = static_cast<std::size_t>(std::max(one.result, 0));
      if (one.user_data == 1) {
        sent += moved;
        if (sent != text.size() && !dead) send_more(), ++pending;
      } else if (one.user_data == 2 && moved != 0) {
        result.sizes.insert(one.result);
        back_from = 0, back_to = moved;
        io_uring_prep_send(ring.entry(3), both.server, at_server, moved, 0), ++pending;
      } else if (one.user_data == 3) {
        back_from += moved;
        if (back_from != back_to) {
          io_uring_prep_send(ring.entry(3), both.server, at_server + back_from, back_to - back_from,
                             0);
        } else {
          receive(2, both.server, at_server);
        }
        ++pending;
      } else if (one.user_data == 4) {
        result.text.append(at_client, moved);
        if (result.text.size() == text.size()) {
          ::shutdown(both.client, SHUT_WR);
        } else if (moved != 0 || again) {
          receive(4, both.client, at_client), ++pending;
        }
      } else if (again) {
        receive(2, both.server, at_server), ++pending;
      }
    }
  }
  if (!dead) CHECK(result.text == text);
  ring.close();
  ::close(both.client), ::close(both.server);
  CHECK(run.broken.empty());
  result.hash = trace_hash();
  return result;
}

}  // namespace

TEST_CASE("an echo server: each byte comes back in order, in pieces that the seed draws") {
  std::set<std::uint64_t> hashes;
  std::set<int> sizes;
  for (std::uint64_t seed = 0; seed != 40; ++seed) {
    const Echoed first = echo(modelled(gentle(seed))), second = echo(modelled(gentle(seed)));
    CHECK(first.hash == second.hash);
    hashes.insert(first.hash);
    sizes.insert(first.sizes.begin(), first.sizes.end());
  }
  CHECK(hashes.size() == 40);
  CHECK(sizes.size() >= 5);
}

TEST_CASE("an echo server under faults ends, whatever happens") {
  for (std::uint64_t seed = 0; seed != 200; ++seed) {
    CAPTURE(seed);
    Options options = modelled(rough(seed));
    options.sq_entries_max = options.cq_entries_max = 0;  // entry() does not wait for room
    options.missing_opcodes = {};
    options.too_many_files_percent = 0;
    options.refused_enters_percent = options.short_submits_percent = 0;
    options.again_results_percent = 0;
    const std::uint64_t hash = echo(options).hash;
    CHECK(hash == echo(options).hash);
  }
}

TEST_CASE("a small buffer makes sends short, and slow readers make writers wait") {
  Options options = modelled(slow(5));
  options.socket_buffer_bytes = 100;
  Run run(options);
  OpenRing ring(16);
  const Connection both(ring, AF_INET);
  const std::string text(250, 'x');
  io_uring_prep_send(ring.entry(1), both.client, text.data(), 250, 0);
  CHECK(result_of(ring.wait(1), 1) == 100);
  io_uring_prep_send(ring.entry(2), both.client, text.data(), 250, 0);
  io_uring_prep_send(ring.entry(3), both.client, text.data(), 250, MSG_DONTWAIT);
  CHECK(result_of(ring.wait(1), 3) == -EAGAIN);
  char buffer[64];
  io_uring_prep_recv(ring.entry(4), both.server, buffer, 64, MSG_WAITALL);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 4) == 64);
  CHECK(result_of(all, 2) == 64);
  both.close(ring);
}

TEST_CASE("a full backlog makes a connect wait: seconds, as a lost SYN does") {
  Run run(modelled(slow(5)));
  OpenRing ring(16);
  const Listener listener(AF_INET, 0);
  int clients[3];
  for (int& client : clients) client = new_socket(SOCK_STREAM);
  io_uring_prep_connect(ring.entry(1), clients[0], listener.address(), listener.address_length());
  CHECK(result_of(ring.wait(1), 1) == 0);
  io_uring_prep_connect(ring.entry(2), clients[1], listener.address(), listener.address_length());
  __kernel_timespec moment{.tv_sec = 0, .tv_nsec = 10'000'000};
  io_uring_prep_timeout(ring.entry(3), &moment, 0, 0);
  CHECK(result_of(ring.wait(1), 3) == -ETIME);
  io_uring_prep_accept(ring.entry(4), listener.fd, nullptr, nullptr, 0);
  const int first = result_of(ring.wait(1), 4);
  const std::int64_t before = time_nanoseconds();
  CHECK(result_of(ring.wait(1), 2) == 0);
  CHECK(time_nanoseconds() - before > 500'000'000);
  io_uring_prep_connect(ring.entry(5), clients[2], listener.address(), listener.address_length());
  CHECK(result_of(ring.wait(1), 5) == -ETIMEDOUT);
  CHECK(time_nanoseconds() - before > 60'000'000'000);
  for (const int client : clients) ::close(client);
  ::close(first);
}

TEST_CASE("datagrams of the model: whole, with their sender, lost and overtaken by the seed") {
  unsigned lost = 0, overtaken = 0;
  for (std::uint64_t seed = 0; seed != 20; ++seed) {
    Options options = modelled(slow(seed));
    options.lost_packets_percent = seed % 2 == 0 ? 0 : 30;
    options.socket_buffer_bytes = 1000;
    Run run(options);
    OpenRing ring(32);
    const int receiver = new_socket(SOCK_DGRAM), sender = new_socket(SOCK_DGRAM);
    sockaddr_in name = loopback(4000);
    const auto* const address = reinterpret_cast<const sockaddr*>(&name);
    REQUIRE(::bind(receiver, address, sizeof name) == 0);
    const char text[] = "0123456789";
    for (unsigned number = 0; number != 10; ++number) {
      io_uring_sqe* const sqe = ring.entry(number + 1);
      io_uring_prep_send(sqe, sender, text + number, 1, 0);
      io_uring_prep_send_set_addr(sqe, address, sizeof name);
    }
    for (const auto& one : ring.wait(10)) CHECK(one.result == 1);
    ring.pause();
    std::string found;
    char byte[4];
    sockaddr_in from{};
    for (;;) {
      iovec part{byte, 4};
      msghdr header{};
      header.msg_name = &from;
      header.msg_namelen = sizeof from;
      header.msg_iov = &part;
      header.msg_iovlen = 1;
      io_uring_prep_recvmsg(ring.entry(50), receiver, &header, MSG_DONTWAIT);
      if (result_of(ring.wait(1), 50) != 1) break;
      CHECK(header.msg_namelen == sizeof from);
      CHECK(from.sin_port != 0);
      found += byte[0];
    }
    if (options.lost_packets_percent == 0) CHECK(found.size() == 10);
    lost += found.size() < 10;
    overtaken += !std::is_sorted(found.begin(), found.end());
    ::close(receiver), ::close(sender);
  }
  CHECK(lost > 4);
  CHECK(overtaken > 4);
}

TEST_CASE("two listeners share a port if both ask for it, and the seed chooses between them") {
  Run run(modelled(plain()));
  OpenRing ring(16);
  sockaddr_in name = loopback(5000);
  const auto* const address = reinterpret_cast<const sockaddr*>(&name);
  int listeners[2];
  const int yes = 1;
  for (int& fd : listeners) {
    fd = new_socket(SOCK_STREAM);
    CHECK(::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0);
    CHECK(::bind(fd, address, sizeof name) == 0);
    CHECK(::listen(fd, 100) == 0);
  }
  const int other = new_socket(SOCK_STREAM);
  CHECK(::bind(other, address, sizeof name) == -1);
  CHECK(errno == EADDRINUSE);
  ::close(other);
  std::vector<int> clients;
  for (unsigned number = 0; number != 20; ++number) {
    clients.push_back(new_socket(SOCK_STREAM));
    CHECK(::connect(clients.back(), address, sizeof name) == 0);
  }
  unsigned accepted[2] = {};
  for (unsigned index = 0; index != 2; ++index) {
    fcntl(listeners[index], F_SETFL, O_NONBLOCK);
    for (int fd = 0; (fd = ::accept(listeners[index], nullptr, nullptr)) >= 0; ::close(fd))
      ++accepted[index];
    CHECK(errno == EAGAIN);
  }
  CHECK(accepted[0] + accepted[1] == 20);
  CHECK(accepted[0] > 3);
  CHECK(accepted[1] > 3);
  for (const int fd : clients) ::close(fd);
  for (const int fd : listeners) ::close(fd);
}

TEST_CASE("ordinary calls that block wait on virtual time; what can never come is an error") {
  Run run(modelled(slow(9)));
  const Listener listener(AF_INET);
  const int client = new_socket(SOCK_STREAM);
  const std::int64_t before = time_nanoseconds();
  REQUIRE(::connect(client, listener.address(), listener.address_length()) == 0);
  const int server = ::accept(listener.fd, nullptr, nullptr);
  REQUIRE(server >= 0);
  CHECK(::send(client, "ordinary", 8, 0) == 8);
  char text[16] = {};
  std::size_t received = 0;
  while (received < 8) {
    const ssize_t got = ::recv(server, text + received, sizeof text - received, 0);
    REQUIRE(got > 0);
    received += static_cast<std::size_t>(got);
  }
  CHECK(std::string(text) == "ordinary");
  CHECK(time_nanoseconds() > before);
  CHECK(::recv(server, text, sizeof text, 0) == -1);
  CHECK(errno == EAGAIN);
  sockaddr_in peer{};
  socklen_t length = sizeof peer;
  CHECK(::getpeername(client, reinterpret_cast<sockaddr*>(&peer), &length) == 0);
  CHECK(peer.sin_port == reinterpret_cast<const sockaddr_in*>(listener.address())->sin_port);
  CHECK(::shutdown(client, SHUT_WR) == 0);
  CHECK(::recv(server, text, sizeof text, 0) == 0);
  ::close(client), ::close(server);
}

TEST_CASE("local sockets of the model: by path, and their end is told at once") {
  Run run(modelled(plain()));
  OpenRing ring(16);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, "/nowhere/at/all");
  const auto* const address = reinterpret_cast<const sockaddr*>(&name);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(::connect(client, address, sizeof name) == -1);
  CHECK(errno == ECONNREFUSED);
  CHECK(::bind(listener, address, sizeof name) == 0);
  CHECK(::listen(listener, 4) == 0);
  io_uring_prep_accept(ring.entry(1), listener, nullptr, nullptr, 0);
  io_uring_prep_connect(ring.entry(2), client, address, sizeof name);
  auto all = ring.wait(2);
  CHECK(result_of(all, 2) == 0);
  const int server = result_of(all, 1);
  REQUIRE(server >= 0);
  ::close(server);
  io_uring_prep_send(ring.entry(3), client, "x", 1, 0);
  CHECK(result_of(ring.wait(1), 3) == -EPIPE);
  ::close(client), ::close(listener);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a socket that is read and written by READ and WRITE") {
  Run run(modelled(slow(4)));
  OpenRing ring(16);
  const Connection both(ring, AF_INET);
  char text[8] = {};
  ring.read(1, both.server, text, 8);
  ring.write(2, both.client, "plain", 5);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 2) == 5);
  const int got = result_of(all, 1);
  CHECK(got > 0);
  CHECK(std::string(text) == std::string("plain").substr(0, static_cast<std::size_t>(got)));
  both.close(ring);
}

}  // namespace percore::sim::test
