// Zero-copy sends: two completions, and whose the buffer is between them.

#include <memory>

#include "fixture.hpp"
#include "sockets_fixture.hpp"

namespace percore::sim::test {

TEST_CASE("a zero-copy send posts its result, then the notification") {
  for (const Options& options : kinds_of_networks()) {
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    const char text[] = "zero";
    io_uring_prep_send_zc(ring.entry(1), both.client, text, 4, 0, 0);
    const auto all = ring.wait(2);
    REQUIRE(all.size() == 2);
    CHECK(all[0] == OpenRing::Completion{1, 4, IORING_CQE_F_MORE});
    CHECK(all[1] == OpenRing::Completion{1, 0, IORING_CQE_F_NOTIF});
    char received[4];
    io_uring_prep_recv(ring.entry(2), both.server, received, 4, MSG_WAITALL);
    CHECK(result_of(ring.wait(1), 2) == 4);
    CHECK(std::string(received, 4) == "zero");
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("what is linked behind a zero-copy send does not wait for the notification") {
  Options options = slow(3);
  options.sockets_in_memory = true;
  options.late_notifications_percent = 100;
  Run run(options);
  OpenRing ring(16);
  const Connection both(ring, AF_INET);
  io_uring_sqe* const sqe = ring.entry(1);
  io_uring_prep_send_zc(sqe, both.client, "zero", 4, 0, 0);
  sqe->flags |= IOSQE_IO_LINK;
  ring.entry(2);
  const auto all = ring.wait(3);
  CHECK(all[0].flags == IORING_CQE_F_MORE);
  CHECK(all[1].user_data == 2);
  CHECK(all[1].result == 0);
  CHECK(all[2].flags == IORING_CQE_F_NOTIF);
  io_uring_prep_cancel64(ring.entry(3), 1, 0);
  CHECK(result_of(ring.wait(1), 3) == -ENOENT);
  both.close(ring);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a message of several parts goes without a copy too") {
  Options options = slow(4);
  options.sockets_in_memory = true;
  Run run(options);
  OpenRing ring(16);
  const Connection both(ring, AF_INET);
  char one[] = "ab", two[] = "cd";
  iovec parts[] = {{one, 2}, {two, 2}};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  io_uring_prep_sendmsg_zc(ring.entry(1), both.client, &header, 0);
  const auto all = ring.wait(2);
  CHECK(all[0].result == 4);
  CHECK(all[1].flags == IORING_CQE_F_NOTIF);
  both.close(ring);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("buffer_changed, buffer_freed: between the result and the notification") {
  for (const bool freed : {false, true}) {
    Options options = slow(3);
    options.sockets_in_memory = true;
    options.late_notifications_percent = 100;
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    auto text = std::make_unique<char[]>(16);
    io_uring_prep_send_zc(ring.entry(1), both.client, text.get(), 16, 0, 0);
    const auto first = ring.wait(1);
    CHECK(result_of(first, 1) == 16);
    CHECK(run.broken.empty());
    if (freed) {
      text.reset();
    } else {
      text[3] = 'x';
    }
    CHECK(flags_of(ring.wait(1), 1) == IORING_CQE_F_NOTIF);
    CHECK(run.broke(freed ? Rule::buffer_freed : Rule::buffer_changed));
    both.close(ring);
  }
}

TEST_CASE("a late notification comes later than any delay of an operation") {
  for (const bool late : {false, true}) {
    Options options = slow(3);
    options.sockets_in_memory = true;
    options.late_notifications_percent = late ? 100 : 0;
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    io_uring_prep_send_zc(ring.entry(1), both.client, "zero", 4, 0, 0);
    ring.wait(1);
    const std::int64_t before = time_nanoseconds();
    ring.wait(1);
    const std::int64_t passed = time_nanoseconds() - before;
    CHECK((passed >= 1'000'000) == late);
    both.close(ring);
  }
}

TEST_CASE("faults: a reset stays one, and links break") {
  unsigned resets = 0;
  for (std::uint64_t seed = 0; seed != 30; ++seed) {
    Options options = slow(seed);
    options.sockets_in_memory = seed % 2 == 0;
    options.wait_for_outside = true;
    options.connection_resets_percent = 50;
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    io_uring_sqe* const sqe = ring.entry(1);
    io_uring_prep_send(sqe, both.client, "text", 4, 0);
    sqe->flags |= IOSQE_IO_LINK;
    ring.entry(2);
    auto all = ring.wait(2);
    const int result = result_of(all, 1);
    CHECK((result == 4 || result == -ECONNRESET));
    CHECK(result_of(all, 2) == (result == 4 ? 0 : -ECANCELED));
    if (result < 0) {
      ++resets;
      char text[8];
      io_uring_prep_recv(ring.entry(3), both.client, text, 8, 0);
      all = ring.wait(1);
      CHECK((result_of(all, 3) == 0 || result_of(all, 3) == -ECONNRESET));
      io_uring_prep_send(ring.entry(4), both.client, "more", 4, 0);
      all = ring.wait(1);
      CHECK((result_of(all, 4) == -EPIPE || result_of(all, 4) == -ECONNRESET));
    }
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
  CHECK(resets > 8);
}

TEST_CASE("faults: a link breaks, and what is behind it is cancelled") {
  unsigned broken = 0;
  for (std::uint64_t seed = 0; seed != 30; ++seed) {
    Options options = slow(seed);
    options.broken_links_percent = 40;
    Run run(options);
    OpenRing ring;
    const SocketPair pair;
    io_uring_sqe* const sqe = ring.entry(1);
    io_uring_prep_send(sqe, pair.left, "text", 4, 0);
    sqe->flags |= IOSQE_IO_LINK;
    ring.entry(2);
    const auto all = ring.wait(2);
    const bool whole = result_of(all, 1) == 4;
    if (!whole) CHECK(result_of(all, 1) == -EINTR);
    CHECK(result_of(all, 2) == (whole ? 0 : -ECANCELED));
    broken += !whole;
  }
  CHECK(broken > 5);
  CHECK(broken < 25);
}

TEST_CASE("faults: descriptors run out") {
  unsigned refused = 0;
  for (std::uint64_t seed = 0; seed != 30; ++seed) {
    Options options = slow(seed);
    options.too_many_files_percent = 40;
    Run run(options);
    OpenRing ring;
    io_uring_prep_socket(ring.entry(1), AF_UNIX, SOCK_STREAM, 0, 0);
    const int fd = result_of(ring.wait(1), 1);
    refused += fd == -EMFILE;
    if (fd >= 0) ::close(fd);
  }
  CHECK(refused > 5);
  CHECK(refused < 25);
}

}  // namespace percore::sim::test
