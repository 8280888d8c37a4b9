// Operations on sockets, on the kernel's own and on modelled ones: what a program sees is the same.

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

#include "fixture.hpp"
#include "sockets_fixture.hpp"

namespace percore::sim::test {

TEST_CASE("a server and a client: socket, accept, connect, send, receive, end") {
  for (const Options& options : kinds_of_networks()) {
    for (const int domain : {AF_INET, AF_INET6}) {
      Run run(options);
      OpenRing ring(16);
      const Connection both(ring, domain);
      char text[16] = {};
      io_uring_prep_send(ring.entry(1), both.client, "hello", 5, 0);
      io_uring_prep_recv(ring.entry(2), both.server, text, sizeof text, MSG_WAITALL);
      auto all = ring.wait(1);
      CHECK(result_of(all, 1) == 5);
      io_uring_sqe* const last = ring.entry(3);
      io_uring_prep_send(last, both.client, " world", 6, 0);
      last->flags |= IOSQE_IO_LINK;
      io_uring_prep_shutdown(ring.entry(4), both.client, SHUT_WR);
      ring.wait_for(all, 4);
      CHECK(result_of(all, 3) == 6);
      CHECK(result_of(all, 4) == 0);
      CHECK(result_of(all, 2) == 11);  // MSG_WAITALL, and then the end
      CHECK(std::string(text, 11) == "hello world");
      io_uring_prep_recv(ring.entry(5), both.server, text, sizeof text, 0);
      CHECK(result_of(ring.wait(1), 5) == 0);
      both.close(ring);
      ring.close();
      CHECK(run.broken.empty());
    }
  }
}

TEST_CASE("a receive waits for data, and a cancel ends it; so does the peer's close") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    char text[16], other[16];
    io_uring_prep_recv(ring.entry(1), both.server, text, sizeof text, 0);
    io_uring_prep_recv(ring.entry(2), both.client, other, sizeof other, 0);
    __kernel_timespec moment{.tv_sec = 0, .tv_nsec = 3'000'000};
    io_uring_prep_timeout(ring.entry(3), &moment, 0, 0);
    auto all = ring.wait(1);
    CHECK(result_of(all, 3) == -ETIME);
    io_uring_prep_cancel64(ring.entry(4), 1, 0);
    all = ring.wait(2);
    CHECK(result_of(all, 4) == 0);
    CHECK(result_of(all, 1) == -ECANCELED);
    io_uring_prep_close(ring.entry(5), both.server);
    all = ring.wait(2);
    CHECK(result_of(all, 5) == 0);
    CHECK(result_of(all, 2) == 0);
    io_uring_prep_close(ring.entry(6), both.client);
    ring.wait(1);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a close does not end a receive that waits: the operation keeps the file") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    char text[16] = {};
    io_uring_prep_recv(ring.entry(1), both.server, text, sizeof text, 0);
    __kernel_timespec moment{.tv_sec = 0, .tv_nsec = 1'000'000};
    io_uring_prep_timeout(ring.entry(2), &moment, 0, 0);
    ring.wait(1);
    io_uring_prep_close(ring.entry(3), both.server);
    CHECK(result_of(ring.wait(1), 3) == 0);
    io_uring_prep_send(ring.entry(4), both.client, "late", 4, 0);
    const auto all = ring.wait(2);
    CHECK(result_of(all, 4) == 4);
    CHECK(result_of(all, 1) == 4);
    io_uring_prep_close(ring.entry(6), both.client);
    ring.wait(1);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("data that nobody read makes a reset of a close, and a send after it a broken pipe") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    char text[16];
    io_uring_prep_send(ring.entry(1), both.client, "unread", 6, 0);
    CHECK(result_of(ring.wait(1), 1) == 6);
    ring.pause();
    io_uring_prep_close(ring.entry(2), both.server);
    CHECK(result_of(ring.wait(1), 2) == 0);
    io_uring_prep_recv(ring.entry(3), both.client, text, sizeof text, 0);
    CHECK(result_of(ring.wait(1), 3) == -ECONNRESET);
    io_uring_prep_recv(ring.entry(4), both.client, text, sizeof text, 0);
    CHECK(result_of(ring.wait(1), 4) == 0);
    io_uring_prep_send(ring.entry(5), both.client, "more", 4, 0);
    CHECK(result_of(ring.wait(1), 5) == -EPIPE);
    io_uring_prep_close(ring.entry(6), both.client);
    ring.wait(1);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("nobody listens: the connection is refused") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring;
    io_uring_prep_socket(ring.entry(1), AF_INET, SOCK_STREAM, 0, 0);
    const int fd = result_of(ring.wait(1), 1);
    REQUIRE(fd >= 0);
    const sockaddr_in nowhere = loopback(9);
    io_uring_prep_connect(ring.entry(2), fd, reinterpret_cast<const sockaddr*>(&nowhere),
                          sizeof nowhere);
    CHECK(result_of(ring.wait(1), 2) == -ECONNREFUSED);
    io_uring_prep_close(ring.entry(3), fd);
    ring.wait(1);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a multishot accept posts each connection, and ends when it is cancelled") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Listener listener(AF_INET);
    io_uring_prep_multishot_accept(ring.entry(1), listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
    std::vector<int> clients, servers;
    for (unsigned number = 0; number != 4; ++number) {
      io_uring_prep_socket(ring.entry(10), AF_INET, SOCK_STREAM, 0, 0);
      clients.push_back(result_of(ring.wait(1), 10));
      io_uring_prep_connect(ring.entry(11), clients.back(), listener.address(),
                            listener.address_length());
      for (const auto& one : ring.wait(2)) {
        if (one.user_data == 11) CHECK(one.result == 0);
        if (one.user_data != 1) continue;
        CHECK(one.result >= 0);
        CHECK((one.flags & IORING_CQE_F_MORE) != 0);
        servers.push_back(one.result);
      }
    }
    CHECK(servers.size() == 4);
    io_uring_prep_cancel64(ring.entry(2), 1, 0);
    const auto all = ring.wait(2);
    CHECK(result_of(all, 2) == 0);
    CHECK(result_of(all, 1) == -ECANCELED);
    CHECK(flags_of(all, 1) == 0);
    for (const int fd : servers) ::close(fd);
    for (const int fd : clients) ::close(fd);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("an accept tells the peer's address, and puts the socket into a slot") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    CHECK(io_uring_register_files_sparse(&ring.ring, 4) == 0);
    const Listener listener(AF_INET);
    sockaddr_in from{};
    socklen_t length = sizeof from;
    io_uring_prep_accept_direct(ring.entry(1), listener.fd, reinterpret_cast<sockaddr*>(&from),
                                &length, 0, 2);
    io_uring_prep_socket_direct_alloc(ring.entry(2), AF_INET, SOCK_STREAM, 0, 0);
    const int slot = result_of(ring.wait(1), 2);
    REQUIRE(slot >= 0);
    io_uring_sqe* sqe = ring.entry(3);
    io_uring_prep_connect(sqe, slot, listener.address(), listener.address_length());
    sqe->flags |= IOSQE_FIXED_FILE;
    auto all = ring.wait(2);
    CHECK(result_of(all, 3) == 0);
    CHECK(result_of(all, 1) == 0);
    CHECK(length == sizeof from);
    CHECK(from.sin_family == AF_INET);
    CHECK(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    char text[4];
    sqe = ring.entry(4);
    io_uring_prep_send(sqe, slot, "abc", 3, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe = ring.entry(5);
    io_uring_prep_recv(sqe, 2, text, 3, 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    all = ring.wait(2);
    CHECK(result_of(all, 4) == 3);
    CHECK(result_of(all, 5) > 0);
    CHECK(io_uring_unregister_files(&ring.ring) == 0);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("MSG_DONTWAIT makes a result of what would wait; MSG_PEEK leaves the bytes") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    char text[8] = {};
    io_uring_prep_recv(ring.entry(1), both.server, text, 8, MSG_DONTWAIT);
    CHECK(result_of(ring.wait(1), 1) == -EAGAIN);
    io_uring_prep_send(ring.entry(2), both.client, "abc", 3, 0);
    CHECK(result_of(ring.wait(1), 2) == 3);
    ring.pause();
    for (const int flags : {static_cast<int>(MSG_PEEK), 0}) {
      io_uring_prep_recv(ring.entry(3), both.server, text, 3, flags);
      CHECK(result_of(ring.wait(1), 3) == 3);
      CHECK(std::string(text, 3) == "abc");
    }
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a large message is moved in parts, each byte once and in order") {
  for (const Options& options : kinds_of_networks()) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      Options with_seed = options;
      with_seed.seed = seed;
      Run run(with_seed);
      OpenRing ring(16);
      const Connection both(ring, AF_INET);
      std::string sent(300'000, 'x');
      for (std::size_t index = 0; index != sent.size(); ++index)
        sent[index] = static_cast<char>('a' + index * 7 % 26);
      io_uring_prep_send(ring.entry(1), both.client, sent.data(), sent.size(), MSG_WAITALL);
      std::string received;
      bool sent_all = false;
      static char buffer[10'000];
      while (received.size() < sent.size()) {
        io_uring_prep_recv(ring.entry(2), both.server, buffer, sizeof buffer, 0);
        for (bool got = false; !got;) {
          for (const auto& one : ring.wait(1)) {
            if (one.user_data == 1) {
              CHECK(one.result == 300'000);
              sent_all = true;
            }
            if (one.user_data != 2) continue;
            REQUIRE(one.result > 0);
            received.append(buffer, static_cast<std::size_t>(one.result));
            got = true;
          }
        }
      }
      CHECK(received == sent);
      if (!sent_all) CHECK(result_of(ring.wait(1), 1) == 300'000);
      both.close(ring);
      ring.close();
      CHECK(run.broken.empty());
    }
  }
}

TEST_CASE("messages carry several parts; their headers are copied at the submit") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    {
      const std::string one = "ab", two = "cde";
      iovec parts[] = {{const_cast<char*>(one.data()), 2}, {const_cast<char*>(two.data()), 3}};
      msghdr header{};
      header.msg_iov = parts;
      header.msg_iovlen = 2;
      io_uring_prep_sendmsg(ring.entry(1), both.client, &header, 0);
      CHECK(io_uring_submit(&ring.ring) == 1);
      header = {};
      parts[0] = parts[1] = {};
      CHECK(result_of(ring.wait(1), 1) == 5);
    }
    ring.pause();
    char left[2] = {}, right[8] = {};
    iovec parts[] = {{left, 2}, {right, 3}};
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    io_uring_prep_recvmsg(ring.entry(2), both.server, &header, MSG_WAITALL);
    CHECK(result_of(ring.wait(1), 2) == 5);
    CHECK(std::string(left, 2) + right == "abcde");
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a receive's link timeout ends it; what had come stays the result of MSG_WAITALL") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    io_uring_prep_send(ring.entry(1), both.client, "abc", 3, 0);
    CHECK(result_of(ring.wait(1), 1) == 3);
    ring.pause();
    char text[8];
    __kernel_timespec moment{.tv_sec = 0, .tv_nsec = 5'000'000};
    io_uring_sqe* const sqe = ring.entry(2);
    io_uring_prep_recv(sqe, both.server, text, 8, MSG_WAITALL);
    sqe->flags |= IOSQE_IO_LINK;
    io_uring_prep_link_timeout(ring.entry(3), &moment, 0);
    const auto all = ring.wait(2);
    CHECK(result_of(all, 2) == 3);
    CHECK(result_of(all, 3) == -ETIME);
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("datagrams keep their borders, and are cut to the buffer") {
  Run run(slow(3));
  OpenRing ring(16);
  const SocketPair pair(SOCK_DGRAM);
  io_uring_prep_send(ring.entry(1), pair.left, "first", 5, 0);
  io_uring_prep_send(ring.entry(2), pair.left, "second", 6, 0);
  ring.wait(2);
  char text[4] = {};
  iovec part{text, 3};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  io_uring_prep_recvmsg(ring.entry(3), pair.right, &header, 0);
  CHECK(result_of(ring.wait(1), 3) == 3);
  CHECK((header.msg_flags & MSG_TRUNC) != 0);
  io_uring_prep_recv(ring.entry(4), pair.right, text, 2, MSG_TRUNC);
  const int whole = result_of(ring.wait(1), 4);
  CHECK((whole == 5 || whole == 6));
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("entries that no kernel takes are refused") {
  Run run(plain());
  const SocketPair pair;
  OpenRing ring(32);
  char text[4];
  io_uring_prep_accept(ring.entry(1), pair.left, nullptr, nullptr, 0x4000'0000);
  io_uring_prep_recv_multishot(ring.entry(2), pair.left, text, 0, 0);  // no buffer is selected
  io_uring_prep_socket(ring.entry(3), AF_INET, SOCK_STREAM | 0x10000, 0, 0);
  io_uring_prep_shutdown(ring.entry(4), pair.left, 77);
  io_uring_prep_recv(ring.entry(5), -1, text, 4, 0);
  const Pipe pipe;
  io_uring_prep_recv(ring.entry(6), pipe.out, text, 4, 0);
  io_uring_prep_accept(ring.entry(7), pair.left, nullptr, nullptr, 0);
  io_uring_sqe* const sqe = ring.entry(8);
  io_uring_prep_send(sqe, pair.left, text, 4, 0);
  sqe->ioprio = 1 << 7;
  const auto all = ring.wait(8);
  for (const std::uint64_t refused : {1, 2, 3, 4, 7, 8}) {
    CAPTURE(refused);
    CHECK(result_of(all, refused) == -EINVAL);
  }
  CHECK(result_of(all, 5) == -EBADF);
  CHECK(result_of(all, 6) == -ENOTSOCK);
}

}  // namespace percore::sim::test
