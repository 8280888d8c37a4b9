// Chains: links that a failure or a short transfer breaks, link timeouts, drains.

#include <unistd.h>

#include "fixture.hpp"

namespace percore::sim::test {

using Completions = std::vector<OpenRing::Completion>;

TEST_CASE("linked operations run one after another, whatever the delays") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Run run(gentle(seed));
    OpenRing ring(16);
    for (unsigned number = 1; number <= 8; ++number) {
      ring.entry(number)->flags |= static_cast<std::uint8_t>(number % 4 != 0 ? IOSQE_IO_LINK : 0);
    }
    unsigned last[2] = {0, 4};
    for (const auto& one : ring.wait(8)) {
      unsigned& before = last[one.user_data > 4];
      CHECK(one.user_data == before + 1);
      ++before;
    }
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a failure cancels what is linked behind it, in order; a hard link goes on") {
  for (const bool hard : {false, true}) {
    const Run run(slow());
    OpenRing ring;
    char text[4];
    ring.read(1, -1, text, 4)->flags |=
        static_cast<std::uint8_t>(hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK);
    ring.entry(2)->flags |= IOSQE_IO_LINK;
    ring.entry(3);
    ring.entry(4)->flags |= 0;  // not of the chain
    const auto all = ring.wait(4);
    CHECK(result_of(all, 1) == -EBADF);
    CHECK(result_of(all, 2) == (hard ? 0 : -ECANCELED));
    CHECK(result_of(all, 3) == (hard ? 0 : -ECANCELED));
    CHECK(result_of(all, 4) == 0);
  }
}

TEST_CASE("a short read breaks a soft link") {
  for (const bool hard : {false, true}) {
    const Run run(slow());
    const TemporaryFile file("abc");
    OpenRing ring;
    char text[8];
    ring.read(1, file.fd, text, 8)->flags |=
        static_cast<std::uint8_t>(hard ? IOSQE_IO_HARDLINK : IOSQE_IO_LINK);
    ring.entry(2);
    CHECK(ring.wait(2) == Completions{{1, 3}, {2, hard ? 0 : -ECANCELED}});
  }
}

TEST_CASE("a bad entry in a chain fails the whole chain, and the submit goes on") {
  for (const unsigned bad : {1u, 2u, 3u}) {
    const Run run(plain());
    OpenRing ring(8, 0);
    for (unsigned number = 1; number <= 3; ++number) {
      io_uring_sqe* const sqe = ring.entry(number);
      if (number == bad) sqe->opcode = 200;
      if (number != 3) sqe->flags |= IOSQE_IO_LINK;
    }
    CHECK(io_uring_submit(&ring.ring) == 3);
    Completions expected;
    for (unsigned number = 1; number <= 3; ++number)
      expected.push_back({number, number == bad ? -EINVAL : -ECANCELED});
    CHECK(ring.harvest() == expected);
  }
}

TEST_CASE("a chain that a submit cuts off ends there") {
  const Run run(slow());
  OpenRing ring(2);
  char text[4];
  ring.read(1, -1, text, 4)->flags |= IOSQE_IO_LINK;
  ring.entry(2)->flags |= IOSQE_IO_LINK;
  CHECK(io_uring_submit(&ring.ring) == 2);
  ring.entry(3);
  const auto all = ring.wait(3);
  CHECK(result_of(all, 2) == -ECANCELED);
  CHECK(result_of(all, 3) == 0);
}

TEST_CASE("a link timeout cancels what takes too long, and both have a completion") {
  const Run run(plain());
  const Pipe pipe;
  OpenRing ring;
  char text[8];
  __kernel_timespec time{.tv_sec = 0, .tv_nsec = 1'000'000};
  ring.read(1, pipe.out, text, 8)->flags |= IOSQE_IO_LINK;
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_link_timeout(sqe, &time, 0);
  sqe->flags |= IOSQE_IO_LINK;
  ring.entry(3);
  const auto all = ring.wait(3);
  CHECK(result_of(all, 1) == -ECANCELED);
  CHECK(result_of(all, 2) == -ETIME);
  CHECK(result_of(all, 3) == -ECANCELED);
}

TEST_CASE("a link timeout whose operation is in time ends with ECANCELED, and the chain goes on") {
  const Run run(plain());
  OpenRing ring;
  __kernel_timespec time{.tv_sec = 1, .tv_nsec = 0};
  ring.entry(1)->flags |= IOSQE_IO_LINK;
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_link_timeout(sqe, &time, 0);
  sqe->flags |= IOSQE_IO_LINK;
  ring.entry(3);
  CHECK(ring.wait(3) == Completions{{1, 0}, {2, -ECANCELED}, {3, 0}});
}

TEST_CASE("a link timeout behind nothing is refused") {
  const Run run(plain());
  OpenRing ring;
  __kernel_timespec time{.tv_sec = 1, .tv_nsec = 0};
  io_uring_prep_link_timeout(ring.entry(1), &time, 0);
  CHECK(ring.wait(1) == Completions{{1, -EINVAL}});
}

TEST_CASE("a drain waits for all before it and holds back all behind it") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Run run(gentle(seed));
    OpenRing ring(16);
    for (unsigned number = 1; number <= 9; ++number) {
      if (number == 5) {
        ring.entry(number)->flags |= IOSQE_IO_DRAIN;
      } else {
        ring.entry(number);
      }
    }
    const auto all = ring.wait(9);
    REQUIRE(all.size() == 9);
    CHECK(all[4].user_data == 5);
    for (unsigned place = 0; place < 4; ++place) CHECK(all[place].user_data < 5);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("a failed operation that skips its completion makes its chain skip too") {
  const Run run(plain());
  OpenRing ring;
  char text[4];
  ring.read(1, -1, text, 4)->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  ring.entry(2)->flags |= IOSQE_CQE_SKIP_SUCCESS;
  ring.entry(3);
  CHECK(ring.wait(2) == Completions{{1, -EBADF}, {3, 0}});
}

}  // namespace percore::sim::test
