// Polls, in all their forms; and the eventfd of a ring, and waits for children.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "fixture.hpp"
#include "sockets_fixture.hpp"

namespace percore::sim::test {

TEST_CASE("a poll ends when its descriptor is ready, and says for what") {
  Run run(slow(3));
  const Pipe pipe;
  OpenRing ring;
  io_uring_prep_poll_add(ring.entry(1), pipe.out, POLLIN);
  io_uring_prep_poll_add(ring.entry(2), pipe.in, POLLOUT);
  CHECK(result_of(ring.wait(1), 2) == POLLOUT);
  REQUIRE(write(pipe.in, "x", 1) == 1);
  CHECK(result_of(ring.wait(1), 1) == POLLIN);
  io_uring_prep_poll_add(ring.entry(3), -1, POLLIN);
  CHECK(result_of(ring.wait(1), 3) == -EBADF);
  const TemporaryFile file("always ready");
  io_uring_prep_poll_add(ring.entry(4), file.fd, POLLIN);
  CHECK(result_of(ring.wait(1), 4) == POLLIN);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a hang-up ends a poll that did not ask for it") {
  Run run(slow(3));
  SocketPair pair;
  OpenRing ring;
  io_uring_prep_poll_add(ring.entry(1), pair.left, POLLPRI);
  CHECK(io_uring_submit(&ring.ring) == 1);
  pair.close_right();
  CHECK((result_of(ring.wait(1), 1) & POLLHUP) != 0);
}

TEST_CASE("a multishot poll sees each edge: a byte more is one, the same byte is none") {
  Run run(slow(3));
  const Pipe pipe;
  OpenRing ring;
  io_uring_prep_poll_multishot(ring.entry(1), pipe.out, POLLIN);
  for (unsigned edge = 0; edge != 3; ++edge) {
    REQUIRE(write(pipe.in, "x", 1) == 1);  // never read
    const auto all = ring.wait(1);
    CHECK(result_of(all, 1) == POLLIN);
    CHECK(flags_of(all, 1) == IORING_CQE_F_MORE);
    ring.pause();
  }
  io_uring_prep_poll_remove(ring.entry(2), 1);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 2) == 0);
  CHECK(result_of(all, 1) == -ECANCELED);
  CHECK(flags_of(all, 1) == 0);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("polls on modelled sockets: readable, writable, hung up, each edge") {
  for (std::uint64_t seed = 0; seed != 5; ++seed) {
    Options options = slow(seed);
    options.sockets_in_memory = true;
    Run run(options);
    OpenRing ring(16);
    const Connection both(ring, AF_INET);
    io_uring_prep_poll_add(ring.entry(1), both.client, POLLOUT);
    CHECK(result_of(ring.wait(1), 1) == POLLOUT);
    io_uring_prep_poll_multishot(ring.entry(2), both.server, POLLIN | POLLRDHUP);
    for (unsigned edge = 0; edge != 3; ++edge) {
      io_uring_prep_send(ring.entry(3), both.client, "x", 1, 0);
      const auto all = ring.wait(2);
      CHECK(result_of(all, 3) == 1);
      CHECK(result_of(all, 2) == POLLIN);
      CHECK(flags_of(all, 2) == IORING_CQE_F_MORE);
    }
    io_uring_prep_shutdown(ring.entry(4), both.client, SHUT_WR);
    auto all = ring.wait(2);
    CHECK(result_of(all, 2) == (POLLIN | POLLRDHUP));
    io_uring_prep_cancel_fd(ring.entry(5), both.server, IORING_ASYNC_CANCEL_ALL);
    all = ring.wait(2);
    CHECK(result_of(all, 5) == 1);
    CHECK(result_of(all, 2) == -ECANCELED);
    both.close(ring);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a poll is changed: its events, its user_data; an absent one is not") {
  Run run(slow(3));
  const SocketPair pair;
  OpenRing ring;
  io_uring_prep_poll_add(ring.entry(1), pair.left, POLLIN);
  io_uring_prep_poll_update(ring.entry(2), 1, 7, POLLOUT,
                            IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA);
  io_uring_prep_poll_update(ring.entry(3), 99, 0, POLLIN, IORING_POLL_UPDATE_EVENTS);
  const auto all = ring.wait(3);
  CHECK(result_of(all, 2) == 0);
  CHECK(result_of(all, 7) == POLLOUT);
  CHECK(result_of(all, 3) == -ENOENT);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a full completion queue ends a multishot") {
  Options options = plain();
  options.cq_entries_max = 2;
  Run run(options);
  OpenRing ring(8);
  const Pipe pipe;
  io_uring_prep_poll_multishot(ring.entry(1), pipe.out, POLLIN);
  ring.entry(2), ring.entry(3);
  CHECK(io_uring_submit(&ring.ring) == 3);
  REQUIRE(write(pipe.in, "x", 1) == 1);
  CHECK(io_uring_get_events(&ring.ring) == 0);
  auto all = ring.harvest();
  CHECK(all.size() == 2);
  CHECK(io_uring_get_events(&ring.ring) == 0);
  all = ring.harvest();
  CHECK(all == std::vector<OpenRing::Completion>{{1, POLLIN, 0}});
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("epoll_ctl adds and removes") {
  Run run(slow(3));
  const Pipe pipe;
  OpenRing ring;
  const int looker = epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 42}};
  io_uring_prep_epoll_ctl(ring.entry(1), looker, pipe.out, EPOLL_CTL_ADD, &event);
  CHECK(result_of(ring.wait(1), 1) == 0);
  REQUIRE(write(pipe.in, "x", 1) == 1);
  epoll_event seen{};
  CHECK(epoll_wait(looker, &seen, 1, 0) == 1);
  const std::uint64_t seen_data = seen.data.u64;  // the struct is packed
  CHECK(seen_data == 42);
  io_uring_prep_epoll_ctl(ring.entry(2), looker, pipe.out, EPOLL_CTL_DEL, nullptr);
  io_uring_prep_epoll_ctl(ring.entry(3), looker, pipe.out, EPOLL_CTL_MOD, &event);
  ring.ring.sq.sqes[2].flags |= 0;
  const auto all = ring.wait(2);
  CHECK(result_of(all, 2) + result_of(all, 3) <= 0);
  ::close(looker);
}

TEST_CASE("an eventfd is told of each completion") {
  for (const unsigned flags : {0u, deferred_flags}) {
    Run run(slow(3));
    OpenRing ring(8, flags);
    const int told = eventfd(0, EFD_NONBLOCK);
    CHECK(io_uring_unregister_eventfd(&ring.ring) == -ENXIO);
    CHECK(io_uring_register_eventfd(&ring.ring, told) == 0);
    CHECK(io_uring_register_eventfd(&ring.ring, told) == -EBUSY);
    ring.entry(1), ring.entry(2);
    std::uint64_t count = 0;
    CHECK(read(told, &count, sizeof count) == -1);
    ring.wait(2);
    CHECK(read(told, &count, sizeof count) == sizeof count);
    CHECK(count >= 2);
    CHECK(io_uring_unregister_eventfd(&ring.ring) == 0);
    ring.entry(3);
    ring.wait(1);
    CHECK(read(told, &count, sizeof count) == -1);
    ::close(told);
  }
}

TEST_CASE("an eventfd is read and written whatever the offset says") {
  Run run(slow(3));
  OpenRing ring(8);
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{5}, ~std::uint64_t{0}}) {
    const int event = eventfd(3, EFD_CLOEXEC);
    std::uint64_t count = 0;
    io_uring_prep_read(ring.entry(1), event, &count, sizeof count, offset);
    CHECK(result_of(ring.wait(1), 1) == sizeof count);
    CHECK(count == 3);
    io_uring_prep_write(ring.entry(2), event, &count, sizeof count, offset);
    CHECK(result_of(ring.wait(1), 2) == sizeof count);
    ::close(event);
  }
}

TEST_CASE("a wait for a child gives its end") {
  Run run(slow(3));
  OpenRing ring;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    ::close(ends[1]);
    while (read(ends[0], &byte, 1) > 0) continue;
    _exit(7);
  }
  siginfo_t found{};
  io_uring_sqe* const sqe = ring.entry(1);
  io_uring_prep_rw(50, sqe, child, nullptr, P_PID, 0);
  sqe->off = reinterpret_cast<std::uint64_t>(&found);
  sqe->file_index = WEXITED;
  io_uring_sqe_set_data64(sqe, 1);
  CHECK(io_uring_submit(&ring.ring) == 1);
  ::close(ends[0]), ::close(ends[1]);
  CHECK(result_of(ring.wait(1), 1) == 0);
  CHECK(found.si_pid == child);
  CHECK(found.si_status == 7);
  ring.close();
  CHECK(run.broken.empty());
}

}  // namespace percore::sim::test
