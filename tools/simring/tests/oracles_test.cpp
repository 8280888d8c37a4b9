// Each rule broken, once, in the way that learners break it; and the right code beside it, which
// breaks none.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "fixture.hpp"

namespace percore::sim::test {

namespace {

struct Record {
  char buffer[64];
  int done = 0;
};

[[gnu::noinline]] void read_into_own_frame(OpenRing& ring, int fd) {
  char buffer[64];
  ring.read(1, fd, buffer, sizeof buffer);
  CHECK(io_uring_submit(&ring.ring) == 1);
  asm volatile("" ::"r"(buffer) : "memory");
}

[[gnu::noinline]] void prepare_timeout_of_own_frame(OpenRing& ring) {
  __kernel_timespec time{.tv_sec = 0, .tv_nsec = 1000};
  io_uring_prep_timeout(ring.entry(1), &time, 0, 0);
  asm volatile("" ::"r"(&time) : "memory");
}

void* volatile last_released = nullptr;

}  // namespace

TEST_CASE("buffer_freed: a buffer freed after the cancel, before its own completion") {
  Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  auto buffer = std::make_unique<char[]>(64);
  ring.read(1, pipe.out, buffer.get(), 64);
  io_uring_prep_cancel64(ring.entry(2), 1, 0);
  CHECK(io_uring_submit(&ring.ring) == 2);
  CHECK(run.broken.empty());
  buffer.reset();
  CHECK(run.broke(Rule::buffer_freed));
  CHECK(last_violation()->operation == 1);
  CHECK(last_violation()->sentence.find("freed while the operation was in flight") !=
        std::string::npos);
  CHECK(last_violation()->history.find("submitted: IORING_OP_READ") != std::string::npos);
  ring.wait(2);
}

TEST_CASE("buffer_freed: none when it is freed after the completion") {
  Run run(slow());
  const TemporaryFile file("text");
  OpenRing ring;
  auto buffer = std::make_unique<char[]>(4);
  ring.read(1, file.fd, buffer.get(), 4);
  ring.wait(1);
  buffer.reset();
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("record_freed: the object behind user_data goes first") {
  Run run(slow());
  OpenRing ring;
  auto record = std::make_unique<Record>();
  ring.entry(reinterpret_cast<std::uint64_t>(record.get()));
  CHECK(io_uring_submit(&ring.ring) == 1);
  record.reset();
  CHECK(run.broke(Rule::record_freed));
  ring.wait(1);
}

TEST_CASE("buffer_changed: a write's buffer filled again, a read's looked into and cleared") {
  for (const bool write : {true, false}) {
    Run run(slow());
    const TemporaryFile file("text");
    OpenRing ring;
    char buffer[] = "four";
    if (write) {
      ring.write(1, file.fd, buffer, 4);
    } else {
      ring.read(1, file.fd, buffer, 4);
    }
    CHECK(io_uring_submit(&ring.ring) == 1);
    buffer[2] = '!';
    ring.wait(1);
    CHECK(run.broke(Rule::buffer_changed));
  }
}

TEST_CASE("buffer_changed: none for what the kernel itself changed") {
  Run run(slow());
  const TemporaryFile file("text");
  OpenRing ring;
  char buffer[] = "four";
  ring.read(1, file.fd, buffer, 4)->flags |= IOSQE_IO_LINK;
  ring.write(2, file.fd, buffer, 4, 4);
  ring.wait(2);
  ring.close();
  CHECK(run.broken.empty());
  char all[9] = {};
  CHECK(pread(file.fd, all, 8, 0) == 8);
  CHECK(std::string(all) == "texttext");
}

TEST_CASE("buffer_dead: a buffer in a function that has returned") {
  Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  read_into_own_frame(ring, pipe.out);
  CHECK(io_uring_submit_and_wait(&ring.ring, 1) == 0);
  CHECK(run.broke(Rule::buffer_dead));
  ring.harvest();
}

TEST_CASE("argument_dead: a timespec that is gone before the submit, but not after") {
  {
    Run run(slow());
    OpenRing ring;
    prepare_timeout_of_own_frame(ring);
    io_uring_submit(&ring.ring);
    CHECK(run.broke(Rule::argument_dead));
    ring.wait(1);
  }
  Run run(slow());
  OpenRing ring;
  {
    __kernel_timespec time{.tv_sec = 0, .tv_nsec = 1000};
    io_uring_prep_timeout(ring.entry(1), &time, 0, 0);
    CHECK(io_uring_submit(&ring.ring) == 1);
    time = {};
  }
  CHECK(result_of(ring.wait(1), 1) == -ETIME);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("entry_changed: filled in after the submit") {
  Run run(slow());
  const TemporaryFile file("text");
  OpenRing ring;
  char buffer[4];
  io_uring_sqe* const sqe = ring.entry(1);
  CHECK(io_uring_submit(&ring.ring) == 1);
  io_uring_prep_read(sqe, file.fd, buffer, 4, 0);
  ring.wait(1);
  CHECK(run.broke(Rule::entry_changed));
  CHECK(last_violation()->operation == 1);
}

TEST_CASE("entry_changed: none for a slot that was taken again") {
  Run run(slow());
  OpenRing ring(2);
  for (unsigned number = 1; number <= 20; ++number) {
    ring.entry(number)->len = number;
    ring.ring.sq.sqes[(number - 1) % 2].user_data = number;
    ring.wait(1);
  }
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("user_data_unset: in a fresh entry, and in one used before") {
  Run run(plain());
  OpenRing ring(2);
  io_uring_prep_nop(io_uring_get_sqe(&ring.ring));
  CHECK(io_uring_submit(&ring.ring) == 1);
  CHECK(run.broke(Rule::user_data_unset));
  ring.entry(7), ring.wait(2);
  io_uring_prep_nop(io_uring_get_sqe(&ring.ring));
  io_uring_prep_nop(io_uring_get_sqe(&ring.ring));
  CHECK(io_uring_submit(&ring.ring) == 2);
  CHECK(run.broken.size() == 3);
  const auto all = ring.harvest();
  REQUIRE(all.size() == 2);
  CHECK(is_poison(all[0].user_data));
}

TEST_CASE("user_data of 0 is a value like another") {
  Run run(plain());
  OpenRing ring;
  ring.entry(0);
  ring.wait(1);
  ring.close();
  CHECK(run.broken.empty());
}

TEST_CASE("a release that is told of is poisoned at once, one past the tail later") {
  Run run(plain());
  OpenRing ring;
  ring.entry(42);
  CHECK(io_uring_submit(&ring.ring) == 1);
  REQUIRE(io_uring_cq_ready(&ring.ring) == 1);
  const io_uring_cqe* const cqe = &ring.ring.cq.cqes[0];
  io_uring_cq_advance(&ring.ring, 1);
  CHECK(cqe->user_data == 42);
  completions_released(ring.ring);
  CHECK(is_poison(cqe->user_data));
  io_uring_cq_advance(&ring.ring, 1);
  completions_released(ring.ring);
  CHECK(run.broken.empty());
  CHECK(io_uring_get_events(&ring.ring) == 0);
  CHECK(run.broke(Rule::head_past_tail));
}

TEST_CASE("an error is returned, and errno holds another") {
  Run run(plain());
  io_uring ring;
  errno = 0;
  CHECK(io_uring_queue_init(0, &ring, 0) == -EINVAL);
  CHECK(errno != 0);
  CHECK(errno != EINVAL);
}

TEST_CASE("completion_released: a CQE read after its release holds poison, which is known again") {
  Run run(plain());
  OpenRing ring;
  ring.entry(42);
  CHECK(io_uring_submit(&ring.ring) == 1);
  io_uring_cqe* cqe = nullptr;
  REQUIRE(io_uring_peek_cqe(&ring.ring, &cqe) == 0);
  io_uring_cqe_seen(&ring.ring, cqe);
  CHECK(io_uring_get_events(&ring.ring) == 0);
  CHECK(is_poison(cqe->user_data));
  CHECK(explain_fault(reinterpret_cast<void*>(cqe->user_data + 8)) != nullptr);
  ring.entry(cqe->user_data);
  CHECK(io_uring_submit(&ring.ring) == 1);
  CHECK(run.broke(Rule::completion_released));
  ring.harvest();
}

TEST_CASE("explain_fault knows null pointers, and leaves other addresses alone") {
  const Run run(plain());
  const OpenRing ring;
  int local = 0;
  REQUIRE(explain_fault(nullptr) != nullptr);
  CHECK(std::string(explain_fault(nullptr)).find("io_uring_get_sqe") != std::string::npos);
  CHECK(explain_fault(&local) == nullptr);
  io_uring failed{};
  CHECK(io_uring_queue_init(0, &failed, 0) == -EINVAL);
  CHECK(std::string(explain_fault(nullptr)).find("io_uring_queue_init had failed") !=
        std::string::npos);
}

TEST_CASE("head_past_tail: a CQE released that was never there") {
  Run run(slow());
  OpenRing ring;
  __kernel_timespec time{.tv_sec = 0, .tv_nsec = 1000};
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_wait_cqe_timeout(&ring.ring, &cqe, &time) == -ETIME);
  io_uring_cq_advance(&ring.ring, 1);
  CHECK(io_uring_get_events(&ring.ring) == 0);
  CHECK(run.broke(Rule::head_past_tail));
}

TEST_CASE("never_submitted, never_completed, never_harvested: what is left when the ring closes") {
  Run run(slow());
  const Pipe pipe;
  char buffer[8];
  OpenRing first;
  first.entry(1);
  first.close();
  CHECK(run.broke(Rule::never_submitted));
  run.broken.clear();
  OpenRing second;
  second.read(1, pipe.out, buffer, 8);
  CHECK(io_uring_submit(&second.ring) == 1);
  second.close();
  CHECK(run.broke(Rule::never_completed));
  run.broken.clear();
  OpenRing third;
  third.entry(1);
  CHECK(io_uring_submit_and_wait(&third.ring, 1) == 1);
  third.close();
  CHECK(run.broke(Rule::never_harvested));
}

TEST_CASE("ring_left_open and ring_not_open") {
  Run run(slow());
  io_uring left;
  REQUIRE(io_uring_queue_init(2, &left, 0) == 0);
  CHECK_FALSE(end());
  CHECK(run.broke(Rule::ring_left_open));
  run.broken.clear();
  CHECK(io_uring_submit(&left) == -EBADF);
  CHECK(run.broke(Rule::ring_not_open));
}

TEST_CASE("sleeps_for_ever: waiting for more than can come, the remainder not submitted") {
  Run run(slow());
  OpenRing ring;
  ring.entry(1);
  CHECK(io_uring_submit(&ring.ring) == 1);
  ring.entry(2);
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_wait_cqes(&ring.ring, &cqe, 2, nullptr, nullptr) ==
        0);  // one is there: no error is told
  REQUIRE(!run.broken.empty());
  CHECK(run.broken[0] == Rule::sleeps_for_ever);
  CHECK(last_violation()->sentence.find("1 entry was taken from the submission queue") !=
        std::string::npos);
  ring.wait(2);
}

TEST_CASE("sleeps_for_ever: on a pipe that nobody writes, on nothing at all") {
  Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  char buffer[8];
  CHECK(io_uring_submit_and_wait(&ring.ring, 1) == -EDEADLK);
  CHECK(run.broke(Rule::sleeps_for_ever));
  CHECK(last_violation()->sentence.find("no operation is in flight") != std::string::npos);
  run.broken.clear();
  ring.read(1, pipe.out, buffer, 8);
  CHECK(io_uring_submit_and_wait(&ring.ring, 1) == 1);
  CHECK(run.broke(Rule::sleeps_for_ever));
  CHECK(write(pipe.in, "abc", 3) == 3);
  ring.wait(1);
}

TEST_CASE("sleeps_with_work: the probe decides") {
  Run run(slow());
  OpenRing ring;
  std::size_t ready = 0;
  set_ready_probe([](void* context) { return *static_cast<std::size_t*>(context); }, &ready);
  ring.entry(1);
  ring.wait(1);
  CHECK(run.broken.empty());
  ready = 2;
  ring.entry(2);
  ring.wait(1);
  CHECK(run.broke(Rule::sleeps_with_work));
  CHECK(last_violation()->sentence.find("2 tasks were ready") != std::string::npos);
  run.broken.clear();
  CHECK(io_uring_get_events(&ring.ring) == 0);  // a look is no sleep
  CHECK(run.broken.empty());
}

TEST_CASE("spins_for_ever: peeking where nothing can arrive") {
  Options options = slow();
  options.idle_calls_max = 1000;
  Run run(options);
  OpenRing ring(8, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  ring.entry(1);
  CHECK(io_uring_submit(&ring.ring) == 1);
  io_uring_cqe* cqe = nullptr;
  for (unsigned look = 0; look < 1500; ++look)
    CHECK(io_uring_peek_cqe(&ring.ring, &cqe) == -EAGAIN);
  CHECK(run.broke(Rule::spins_for_ever));
  ring.wait(1);
}

TEST_CASE("spinning on a ring that needs no enter ends") {
  for (const unsigned flags : {0u, unsigned{IORING_SETUP_COOP_TASKRUN}, deferred_flags}) {
    Run run(slow());
    OpenRing ring(8, flags);
    ring.entry(1);
    CHECK(io_uring_submit(&ring.ring) == 1);
    io_uring_cqe* cqe = nullptr;
    while (io_uring_peek_cqe(&ring.ring, &cqe) == -EAGAIN) {
    }
    io_uring_cqe_seen(&ring.ring, cqe);
    ring.close();
    CHECK(run.broken.empty());
  }
}

TEST_CASE("too_many_enters: one submit for each entry") {
  Run run(plain());
  OpenRing ring;
  set_enter_budget(3);
  for (unsigned number = 1; number <= 6; ++number) {
    ring.entry(number);
    io_uring_submit(&ring.ring);
  }
  CHECK(run.broke(Rule::too_many_enters));
  ring.harvest();
}

TEST_CASE("the watch counts the program's allocations and not the simulation's") {
  const Run run(plain());
  OpenRing ring;
  const Counts before = counts();
  for (unsigned number = 0; number < 8; ++number) ring.entry(number);
  io_uring_submit(&ring.ring);
  CHECK(counts().allocations == before.allocations);
  CHECK(counts().frees == before.frees);
  auto one = std::make_unique<Record>();
  last_released = one.get();
  one.reset();
  CHECK(counts().allocations == before.allocations + 1);
  CHECK(counts().frees == before.frees + 1);
  ring.harvest();
}

}  // namespace percore::sim::test
