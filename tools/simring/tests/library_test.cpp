// io_uring_setup and io_uring_enter through liburing: sizes, flags, waits, overflow, who may
// submit.

#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "fixture.hpp"

namespace percore::sim::test {

TEST_CASE("sizes are rounded up to powers of two, the CQ is twice the SQ") {
  const Run run(plain());
  io_uring ring;
  io_uring_params params{};
  REQUIRE(io_uring_queue_init_params(5, &ring, &params) == 0);
  CHECK(params.sq_entries == 8);
  CHECK(params.cq_entries == 16);
  CHECK(ring.sq.ring_entries == 8);
  CHECK((params.features & IORING_FEAT_EXT_ARG) != 0);
  io_uring_queue_exit(&ring);
  params = {};
  params.flags = IORING_SETUP_CQSIZE;
  params.cq_entries = 33;
  REQUIRE(io_uring_queue_init_params(4, &ring, &params) == 0);
  CHECK(params.cq_entries == 64);
  io_uring_queue_exit(&ring);
}

TEST_CASE("set-up refuses what Linux 6.1 refuses") {
  const Run run(plain());
  io_uring ring;
  CHECK(io_uring_queue_init(0, &ring, 0) == -EINVAL);
  CHECK(io_uring_queue_init(40'000, &ring, 0) == -EINVAL);
  CHECK(io_uring_queue_init(8, &ring, IORING_SETUP_DEFER_TASKRUN) == -EINVAL);
  CHECK(io_uring_queue_init(8, &ring, IORING_SETUP_TASKRUN_FLAG) == -EINVAL);
  CHECK(io_uring_queue_init(8, &ring, 1u << 30) == -EINVAL);
  REQUIRE(io_uring_queue_init(40'000, &ring, IORING_SETUP_CLAMP) == 0);
  io_uring_queue_exit(&ring);
}

TEST_CASE("options make an older kernel, a full process, a filter") {
  Options options = plain();
  options.setup_result = -EPERM;
  io_uring ring;
  {
    const Run run(options);
    CHECK(io_uring_queue_init(8, &ring, 0) == -EPERM);
  }
  options.setup_result = 0;
  options.refused_setup_flags = IORING_SETUP_DEFER_TASKRUN;
  options.missing_features = IORING_FEAT_EXT_ARG;
  options.missing_opcodes = {IORING_OP_READ};
  const Run run(options);
  CHECK(io_uring_queue_init(8, &ring, deferred_flags) == -EINVAL);
  io_uring_params params{};
  REQUIRE(io_uring_queue_init_params(8, &ring, &params) == 0);
  CHECK((params.features & IORING_FEAT_EXT_ARG) == 0);
  io_uring_probe* const probe = io_uring_get_probe_ring(&ring);
  REQUIRE(probe != nullptr);
  CHECK(io_uring_opcode_supported(probe, IORING_OP_WRITE) != 0);
  CHECK(io_uring_opcode_supported(probe, IORING_OP_READ) == 0);
  io_uring_free_probe(probe);
  io_uring_queue_exit(&ring);
}

TEST_CASE("a full submission queue gives no entry until it is submitted") {
  const Run run(plain());
  OpenRing ring(4);
  for (unsigned number = 1; number <= 4; ++number) ring.entry(number);
  CHECK(io_uring_get_sqe(&ring.ring) == nullptr);
  CHECK(io_uring_submit(&ring.ring) == 4);
  CHECK(io_uring_get_sqe(&ring.ring) != nullptr);
  CHECK(ring.harvest().size() == 4);
  io_uring_prep_nop(&ring.ring.sq.sqes[0]);
  ring.ring.sq.sqes[0].user_data = 9;
  ring.wait(1);
}

TEST_CASE("submitting nothing enters nothing") {
  const Run run(plain());
  const OpenRing ring;
  CHECK(io_uring_submit(const_cast<io_uring*>(&ring.ring)) == 0);
  CHECK(counts().enters == 0);
}

TEST_CASE(
    "DEFER_TASKRUN: the tail moves only in an enter that asks for events, and TASKRUN says so") {
  const Run run(slow());
  OpenRing ring;
  ring.entry(7);
  CHECK(io_uring_submit(&ring.ring) == 1);
  CHECK(io_uring_cq_ready(&ring.ring) == 0);
  CHECK((*ring.ring.sq.kflags & IORING_SQ_TASKRUN) == 0);
  advance(1'000'000);
  CHECK(io_uring_cq_ready(&ring.ring) == 0);
  CHECK((*ring.ring.sq.kflags & IORING_SQ_TASKRUN) != 0);
  io_uring_cqe* cqe = nullptr;
  REQUIRE(io_uring_peek_cqe(&ring.ring, &cqe) == 0);  // sees the flag and enters
  CHECK(counts().enters == 2);
  CHECK(cqe->user_data == 7);
  CHECK((*ring.ring.sq.kflags & IORING_SQ_TASKRUN) == 0);
  io_uring_cqe_seen(&ring.ring, cqe);
}

TEST_CASE("a plain ring's completions arrive by themselves, a cooperative one's at any enter") {
  const Run run(slow());
  OpenRing plain_ring(8, 0), cooperative(8, IORING_SETUP_COOP_TASKRUN);
  plain_ring.entry(1);
  cooperative.entry(2);
  CHECK(io_uring_submit(&plain_ring.ring) == 1);
  CHECK(io_uring_submit(&cooperative.ring) == 1);
  advance(1'000'000);
  CHECK(io_uring_cq_ready(&plain_ring.ring) == 1);
  CHECK(io_uring_cq_ready(&cooperative.ring) == 0);
  cooperative.entry(3);
  CHECK(io_uring_submit(&cooperative.ring) == 1);
  CHECK(io_uring_cq_ready(&cooperative.ring) == 1);
  plain_ring.harvest();
  cooperative.wait(2);
}

TEST_CASE(
    "a peek that finds nothing says EAGAIN; a wait returns when as many as wanted are there") {
  const Run run(slow());
  OpenRing ring;
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_peek_cqe(&ring.ring, &cqe) == -EAGAIN);
  for (unsigned number = 1; number <= 5; ++number) ring.entry(number);
  CHECK(io_uring_submit_and_wait(&ring.ring, 3) == 5);
  CHECK(io_uring_cq_ready(&ring.ring) >= 3);
  std::size_t seen = ring.harvest().size();
  while (seen < 5) seen += ring.wait(1).size();
  CHECK(counts().enters <= 4);
}

TEST_CASE("the clock jumps while the program waits") {
  const Run run(slow());
  OpenRing ring;
  __kernel_timespec hour{.tv_sec = 3600, .tv_nsec = 0};
  const std::int64_t before = time_nanoseconds();
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_wait_cqe_timeout(&ring.ring, &cqe, &hour) == -ETIME);
  CHECK(cqe == nullptr);
  CHECK(time_nanoseconds() - before >= 3'600'000'000'000);
  CHECK(time_nanoseconds() - before < 3'600'001'000'000);
  ring.entry(1);
  CHECK(io_uring_submit_and_wait_timeout(&ring.ring, &cqe, 1, &hour, nullptr) == 1);
  REQUIRE(cqe != nullptr);
  io_uring_cqe_seen(&ring.ring, cqe);
}

TEST_CASE("completions that do not fit are kept, flagged and flushed in order") {
  const Run run(plain());
  OpenRing ring(4);
  for (unsigned number = 0; number < 12; ++number) {
    ring.entry(100 + number);
    if (number % 4 == 3) CHECK(io_uring_submit(&ring.ring) == 4);
  }
  CHECK(io_uring_cq_ready(&ring.ring) == 8);
  CHECK(io_uring_cq_has_overflow(&ring.ring));
  CHECK(*ring.ring.cq.koverflow == 0);
  std::vector<OpenRing::Completion> all = ring.harvest();
  CHECK(io_uring_get_events(&ring.ring) == 0);
  CHECK_FALSE(io_uring_cq_has_overflow(&ring.ring));
  for (const auto& one : ring.harvest()) all.push_back(one);
  REQUIRE(all.size() == 12);
  for (unsigned number = 0; number < 12; ++number) CHECK(all[number].user_data == 100 + number);
  CHECK(counts().overflowed == 4);
}

TEST_CASE("before Linux 5.19 a submit while the CQ overflows is EBUSY") {
  Options options = plain();
  options.busy_on_overflow = true;
  options.cq_entries_max = 2;
  const Run run(options);
  OpenRing ring(4);
  for (unsigned number = 1; number <= 3; ++number) ring.entry(number);
  CHECK(io_uring_submit(&ring.ring) == 3);
  ring.entry(4);
  CHECK(io_uring_submit(&ring.ring) == -EBUSY);
  CHECK(io_uring_sq_ready(&ring.ring) == 1);
  CHECK(ring.harvest().size() == 2);
  CHECK(ring.wait(2).size() == 2);
}

TEST_CASE("SINGLE_ISSUER: another thread is told EEXIST") {
  const Run run(plain());
  OpenRing ring;
  ring.entry(1);
  int submitted = 0, collected = 0;
  std::thread([&] {
    submitted = io_uring_submit(&ring.ring);
    collected = io_uring_get_events(&ring.ring);
  }).join();
  CHECK(submitted == -EEXIST);
  CHECK(collected == -EEXIST);
  CHECK(ring.wait(1).size() == 1);
}

TEST_CASE("a bad entry ends the submit after it, unless SUBMIT_ALL") {
  for (const unsigned flags : {0u, unsigned{IORING_SETUP_SUBMIT_ALL}}) {
    const Run run(plain());
    OpenRing ring(8, flags);
    ring.entry(1);
    ring.entry(2)->opcode = 200;
    ring.entry(3);
    CHECK(io_uring_submit(&ring.ring) == (flags == 0 ? 2 : 3));
    CHECK(io_uring_sq_ready(&ring.ring) == (flags == 0 ? 1u : 0u));
    const auto all = ring.wait(3);
    CHECK(all == std::vector<OpenRing::Completion>{{1, 0}, {2, -EINVAL}, {3, 0}});
  }
}

TEST_CASE("the raw calls work on the ring's own descriptor and on the registered one") {
  const Run run(plain());
  OpenRing ring;
  CHECK(io_uring_register_ring_fd(&ring.ring) == 1);
  CHECK(io_uring_register_ring_fd(&ring.ring) == -EEXIST);
  CHECK(io_uring_enter(static_cast<unsigned>(ring.ring.ring_fd), 0, 0, IORING_ENTER_GETEVENTS,
                       nullptr) == 0);
  const unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING;
  CHECK(io_uring_enter(static_cast<unsigned>(ring.ring.enter_ring_fd), 0, 0, flags, nullptr) == 0);
  CHECK(io_uring_enter(9999, 0, 0, IORING_ENTER_GETEVENTS, nullptr) == -EBADF);
  CHECK(io_uring_enter(static_cast<unsigned>(ring.ring.ring_fd), 0, 0, 1u << 20, nullptr) ==
        -EINVAL);
  CHECK(io_uring_unregister_ring_fd(&ring.ring) == 1);
}

TEST_CASE("a disabled ring says EBADFD until it is enabled") {
  const Run run(plain());
  OpenRing ring(8, IORING_SETUP_R_DISABLED);
  ring.entry(1);
  CHECK(io_uring_submit(&ring.ring) == -EBADFD);
  CHECK(io_uring_enable_rings(&ring.ring) == 0);
  CHECK(ring.wait(1).size() == 1);
}

}  // namespace percore::sim::test
