#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "fixture.hpp"

namespace percore::sim::test {

/// The kernel's loopback; a modelled network without delays; with delays.
inline std::vector<Options> kinds_of_networks() {
  std::vector<Options> kinds{plain(), slow(7), plain(), slow(11)};
  kinds[0].wait_for_outside = kinds[1].wait_for_outside = true;
  kinds[2].sockets_in_memory = kinds[3].sockets_in_memory = true;
  return kinds;
}

inline sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<in_port_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Listens on a free port of the loopback, made by ordinary calls.
struct Listener {
  int fd = -1;
  sockaddr_storage name{};
  socklen_t length = sizeof name;

  explicit Listener(int domain, int backlog = 16) {
    fd = ::socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    sockaddr_storage wanted{};
    wanted.ss_family = static_cast<sa_family_t>(domain);
    if (domain == AF_INET)
      reinterpret_cast<sockaddr_in&>(wanted).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (domain == AF_INET6) reinterpret_cast<sockaddr_in6&>(wanted).sin6_addr = in6addr_loopback;
    const socklen_t size = domain == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&wanted), size) == 0);
    REQUIRE(::listen(fd, backlog) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0);
  }
  ~Listener() { ::close(fd); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&name); }
  socklen_t address_length() const { return length; }
};

/// Two ends that the ring's own operations have connected.
struct Connection {
  Listener listener;
  int client = -1, server = -1;

  Connection(OpenRing& ring, int domain) : listener(domain) {
    io_uring_prep_socket(ring.entry(901), domain, SOCK_STREAM, 0, 0);
    client = result_of(ring.wait(1), 901);
    REQUIRE(client >= 0);
    io_uring_prep_accept(ring.entry(902), listener.fd, nullptr, nullptr, 0);
    io_uring_prep_connect(ring.entry(903), client, listener.address(), listener.address_length());
    const auto all = ring.wait(2);
    server = result_of(all, 902);
    REQUIRE(result_of(all, 903) == 0);
    REQUIRE(server >= 0);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void close(OpenRing& ring) const {
    io_uring_prep_close(ring.entry(904), client);
    io_uring_prep_close(ring.entry(905), server);
    const auto all = ring.wait(2);
    CHECK(result_of(all, 904) == 0);
    CHECK(result_of(all, 905) == 0);
  }
};

}  // namespace percore::sim::test
