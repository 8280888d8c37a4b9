#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <measure.hpp>
#include <string>
#include <two_cpus.hpp>
#include <vector>

/// The work of echo: a server on the first CPU, and on the second one clients in a closed loop,
/// each of which sends 64 bytes and waits until they have come back. The load is the same program
/// for every server.
namespace bench {

inline constexpr std::size_t echo_bytes = 64;
inline constexpr std::array<unsigned, 3> echo_connections{1, 64, 500};
inline constexpr unsigned echo_ring_entries = 1024;  // of those that have a ring of their own
inline constexpr std::int64_t echo_warm_up_ns = 200'000'000;
inline constexpr std::int64_t echo_ns = 1'000'000'000;

[[noreturn]] inline void echo_failed(const char* what, int error) {
  std::fprintf(stderr, "echo: %s: %s\n", what, std::strerror(error));
  std::exit(3);
}

/// What a server meets when the load is over: clients go while an answer is on its way.
inline bool has_ended(int error) {
  return error == 0 || error == ECONNRESET || error == EPIPE;
}

/// A socket that listens on a free port of loopback.
class EchoListener {
 public:
  EchoListener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (fd_ < 0 || bind(fd_, generic, length) != 0 || listen(fd_, 512) != 0 ||
        getsockname(fd_, generic, &length) != 0)
      echo_failed("no socket can listen on loopback", errno);
    port_ = ntohs(address.sin_port);
  }
  ~EchoListener() { close(fd_); }
  EchoListener(const EchoListener&) = delete;
  EchoListener& operator=(const EchoListener&) = delete;
  int fd() const { return fd_; }
  std::uint16_t port() const { return port_; }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// So that small messages are not held back.
inline void send_at_once(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/// Opens its connections when it is made, and closes them at the end: a server serves until each
/// connection that it has accepted has ended.
class EchoLoad {
 public:
  EchoLoad(std::uint16_t port, unsigned connections)
      : thread_(on_second_cpu([this, port, connections] { run(port, connections); })) {}
  /// Waits for the end of the load. Microseconds an echo: with several connections the time divided
  /// by all echoes.
  double us_each() {
    thread_.join();
    return us_each_;
  }

 private:
  static int connect_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      echo_failed("no connection", errno);
    send_at_once(fd);
    return fd;
  }

  static void ask(int fd) {
    static constexpr char message[echo_bytes] = "an echo of sixty-four bytes";
    if (send(fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message)
      echo_failed("the load cannot send", errno);
  }

  struct Client {
    int fd;
    std::size_t came = 0;
  };

  void run(std::uint16_t port, unsigned connections) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Client> clients;
    clients.reserve(connections);
    for (unsigned i = 0; i < connections; ++i) {
      clients.push_back({.fd = connect_to(port)});
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &clients.back()}};
      epoll_ctl(epoll, EPOLL_CTL_ADD, clients.back().fd, &event);
    }
    for (const Client& client : clients) ask(client.fd);
    std::int64_t begin = now_ns();
    std::size_t echoes = 0;
    for (bool warm = false;;) {
      epoll_event events[64];
      const int count = epoll_wait(epoll, events, 64, 1000);
      for (int i = 0; i < count; ++i) {
        auto& client = *static_cast<Client*>(events[i].data.ptr);
        char answer[echo_bytes];
        const ssize_t got = recv(client.fd, answer, echo_bytes - client.came, 0);
        if (got <= 0) echo_failed("the server has closed a connection", got < 0 ? errno : EPIPE);
        client.came += static_cast<std::size_t>(got);
        if (client.came != echo_bytes) continue;
        client.came = 0;
        ++echoes;
        ask(client.fd);
      }
      const std::int64_t now = now_ns();
      if (!warm && now - begin > echo_warm_up_ns) {
        warm = true;
        begin = now;
        echoes = 0;
      }
      if (warm && now - begin > echo_ns) {
        us_each_ = static_cast<double>(now - begin) / 1000 / static_cast<double>(echoes);
        break;
      }
    }
    for (const Client& client : clients) close(client.fd);
    close(epoll);
  }

  double us_each_ = 0;
  std::thread thread_;  // the last, since it begins at once
};

/// The main of a program: serve(listener, connections) accepts that many and serves them until they
/// have all ended.
template <typename Serve>
int echo_main(int argument_count, char** arguments, Serve serve) {
  const std::string suite = argument_count > 1 ? arguments[1] : "";
  if (suite != "echo") unknown_suite("echo", suite.c_str(), "echo");
  std::vector<Metric> metrics;
  pin_to(first_cpu);
  for (const unsigned connections : echo_connections) {
    const EchoListener listener;
    EchoLoad load(listener.port(), connections);
    serve(listener, connections);
    metrics.push_back({"echo" + std::to_string(connections), load.us_each(), "us"});
  }
  print_json(metrics);
  return 0;
}

}  // namespace bench
