// Each opcode on its own.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fixture.hpp"

namespace percore::sim::test {

TEST_CASE("NOP can inject a result") {
  const Run run(slow());
  OpenRing ring;
  io_uring_sqe* const sqe = ring.entry(1);
  sqe->rw_flags = 1;  // IORING_NOP_INJECT_RESULT
  sqe->len = static_cast<unsigned>(-EIO);
  CHECK(result_of(ring.wait(1), 1) == -EIO);
}

TEST_CASE("reads and writes move bytes of a file, at an offset and at the current position") {
  const Run run(slow());
  const TemporaryFile file("hello world");
  OpenRing ring;
  char text[8] = {};
  ring.read(1, file.fd, text, 5, 6);
  CHECK(result_of(ring.wait(1), 1) == 5);
  CHECK(std::string(text) == "world");
  ring.write(2, file.fd, "HELLO", 5, 0);
  CHECK(result_of(ring.wait(1), 2) == 5);
  for (const char* const expected : {"HELLO", " worl"}) {
    ring.read(3, file.fd, text, 5, static_cast<std::uint64_t>(-1));
    CHECK(result_of(ring.wait(1), 3) == 5);
    CHECK(std::string(text, 5) == expected);
  }
  ring.read(4, file.fd, text, 8, 100);
  CHECK(result_of(ring.wait(1), 4) == 0);
}

TEST_CASE("vectors are copied at the submit") {
  const Run run(slow());
  const TemporaryFile file;
  OpenRing ring;
  char first[] = "ab", second[] = "cde";
  iovec parts[] = {{first, 2}, {second, 3}};
  io_uring_prep_writev(ring.entry(1), file.fd, parts, 2, 0);
  ring.ring.sq.sqes[0].user_data = 1;
  CHECK(io_uring_submit(&ring.ring) == 1);
  parts[0] = parts[1] = {nullptr, 99};
  CHECK(result_of(ring.wait(1), 1) == 5);
  char left[2] = {}, right[4] = {};
  parts[0] = {left, 1}, parts[1] = {right, 4};
  io_uring_sqe* const sqe = ring.entry(2);
  io_uring_prep_readv(sqe, file.fd, parts, 2, 0);
  CHECK(result_of(ring.wait(1), 2) == 5);
  CHECK(std::string(left, 1) + std::string(right, 4) == "abcde");
}

TEST_CASE("errors of descriptors and memory come as results") {
  for (const Options& options : {plain(), slow()}) {
    const Run run(options);
    const TemporaryFile file("text");
    OpenRing ring;
    char text[4];
    ring.read(1, -1, text, 4);
    ring.read(2, 9999, text, 4);
    ring.read(3, file.fd, nullptr, 4);
    ring.read(4, file.fd, reinterpret_cast<void*>(0x10000), 4);
    const Pipe pipe;
    ring.read(5, pipe.in, text, 4);
    const iovec endless{.iov_base = text, .iov_len = ~std::size_t{0}};
    io_uring_prep_readv(ring.entry(6), file.fd, &endless, 1, 0);
    io_uring_prep_readv(ring.entry(7), file.fd, nullptr, 2, 0);
    io_uring_prep_timeout(ring.entry(8), reinterpret_cast<__kernel_timespec*>(0x10000), 0, 0);
    const auto all = ring.wait(8);
    CHECK(result_of(all, 5) == -EBADF);
    CHECK(result_of(all, 6) == -EINVAL);
    CHECK(result_of(all, 7) == -EFAULT);
    CHECK(result_of(all, 8) == -EFAULT);
    CHECK(result_of(all, 1) == -EBADF);
    CHECK(result_of(all, 2) == -EBADF);
    CHECK(result_of(all, 3) == -EFAULT);
    CHECK(result_of(all, 4) == -EFAULT);
  }
}

TEST_CASE("a read of an empty pipe stays in flight until data is there") {
  const Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  char text[8];
  ring.read(1, pipe.out, text, 8);
  __kernel_timespec second{.tv_sec = 1, .tv_nsec = 0};
  io_uring_cqe* cqe = nullptr;
  CHECK(io_uring_submit_and_wait_timeout(&ring.ring, &cqe, 1, &second, nullptr) == 1);
  CHECK(cqe == nullptr);
  CHECK(io_uring_wait_cqe_timeout(&ring.ring, &cqe, &second) == -ETIME);
  ring.write(2, pipe.in, "abc", 3);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 1) == 3);
  CHECK(result_of(all, 2) == 3);
}

TEST_CASE("a write to a pipe never blocks the program") {
  const Run run(slow());
  const Pipe pipe;
  OpenRing ring;
  const std::string large(200'000, 'x');
  ring.write(1, pipe.in, large.data(), static_cast<unsigned>(large.size()));
  const int written = result_of(ring.wait(1), 1);
  CHECK(written > 0);
  CHECK(written < 200'000);
}

TEST_CASE("registered files and buffers") {
  const Run run(slow());
  const TemporaryFile file("registered");
  OpenRing ring;
  char text[16] = {};
  const iovec whole{text, sizeof text};
  CHECK(io_uring_register_files(&ring.ring, &file.fd, 1) == 0);
  CHECK(io_uring_register_buffers(&ring.ring, &whole, 1) == 0);
  io_uring_sqe* sqe = ring.entry(1);
  io_uring_prep_read_fixed(sqe, 0, text, 10, 0, 0);
  sqe->flags |= IOSQE_FIXED_FILE;
  sqe = ring.entry(2);
  io_uring_prep_read_fixed(sqe, file.fd, text + 12, 10, 0, 0);  // beyond the registered range
  const auto all = ring.wait(2);
  CHECK(result_of(all, 1) == 10);
  CHECK(result_of(all, 2) == -EFAULT);
  CHECK(std::string(text) == "registered");
  CHECK(io_uring_unregister_buffers(&ring.ring) == 0);
  CHECK(io_uring_unregister_files(&ring.ring) == 0);
  CHECK(io_uring_unregister_files(&ring.ring) == -ENXIO);
}

TEST_CASE("timeouts end at their time, or after so many completions") {
  const Run run(plain());
  OpenRing ring;
  __kernel_timespec short_time{.tv_sec = 0, .tv_nsec = 1'000'000},
      long_time{.tv_sec = 0, .tv_nsec = 2'000'000};
  io_uring_prep_timeout(ring.entry(1), &long_time, 0, 0);
  io_uring_prep_timeout(ring.entry(2), &short_time, 0, 0);
  io_uring_prep_timeout(ring.entry(3), &long_time, 1, 0);
  ring.entry(4);
  const std::int64_t before = time_nanoseconds();
  const auto all = ring.wait(4);
  CHECK(all == std::vector<OpenRing::Completion>{{4, 0}, {3, 0}, {2, -ETIME}, {1, -ETIME}});
  CHECK(time_nanoseconds() - before >= 2'000'000);
  __kernel_timespec deadline{.tv_sec = 0, .tv_nsec = time_nanoseconds() + 5'000'000};
  deadline.tv_sec = deadline.tv_nsec / 1'000'000'000;
  deadline.tv_nsec %= 1'000'000'000;
  const std::int64_t start = time_nanoseconds();
  io_uring_prep_timeout(ring.entry(5), &deadline, 0, IORING_TIMEOUT_ABS);
  CHECK(result_of(ring.wait(1), 5) == -ETIME);
  CHECK(time_nanoseconds() - start < 5'100'000);
}

TEST_CASE("timeouts are removed and moved") {
  const Run run(plain());
  OpenRing ring;
  __kernel_timespec long_time{.tv_sec = 1000, .tv_nsec = 0},
      short_time{.tv_sec = 0, .tv_nsec = 1000};
  io_uring_prep_timeout(ring.entry(1), &long_time, 0, 0);
  io_uring_prep_timeout_remove(ring.entry(2), 1, 0);
  io_uring_prep_timeout_remove(ring.entry(3), 77, 0);
  auto all = ring.wait(3);
  CHECK(result_of(all, 1) == -ECANCELED);
  CHECK(result_of(all, 2) == 0);
  CHECK(result_of(all, 3) == -ENOENT);
  io_uring_prep_timeout(ring.entry(4), &long_time, 0, 0);
  io_uring_prep_timeout_update(ring.entry(5), &short_time, 4, 0);
  const std::int64_t before = time_nanoseconds();
  all = ring.wait(2);
  CHECK(result_of(all, 4) == -ETIME);
  CHECK(result_of(all, 5) == 0);
  CHECK(time_nanoseconds() - before < 1'000'000);
}

TEST_CASE(
    "a cancel by user_data, by descriptor, of all; its own completion comes before the target's or "
    "after") {
  const Run run(plain());
  const Pipe pipe;
  OpenRing ring(16);
  char text[6][8];
  for (unsigned number = 0; number < 6; ++number) ring.read(10 + number, pipe.out, text[number], 8);
  io_uring_prep_cancel64(ring.entry(1), 10, 0);
  io_uring_prep_cancel64(ring.entry(2), 99, 0);
  io_uring_prep_cancel_fd(ring.entry(3), pipe.out, 0);
  io_uring_prep_cancel_fd(ring.entry(4), pipe.out, IORING_ASYNC_CANCEL_ALL);
  auto all = ring.wait(10);
  CHECK(result_of(all, 1) == 0);
  CHECK(result_of(all, 2) == -ENOENT);
  CHECK((result_of(all, 3) == 0 ||
         result_of(all, 3) == -EALREADY));  // may meet the one that is being cancelled
  CHECK(result_of(all, 4) >= 4);
  for (unsigned number = 0; number < 6; ++number) CHECK(result_of(all, 10 + number) == -ECANCELED);
  ring.read(10, pipe.out, text[0], 8);
  __kernel_timespec long_time{.tv_sec = 1000, .tv_nsec = 0};
  io_uring_prep_timeout(ring.entry(11), &long_time, 0, 0);
  io_uring_prep_cancel(ring.entry(5), nullptr, IORING_ASYNC_CANCEL_ANY);
  all = ring.wait(3);
  CHECK(result_of(all, 5) == 2);
  CHECK(result_of(all, 11) == -ECANCELED);
}

TEST_CASE(
    "a cancel of running work may come too late, and the work then ends with its own result") {
  unsigned cancelled = 0, already = 0, not_found = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Run run(slow(seed));
    const TemporaryFile file("text");
    OpenRing ring;
    char text[4];
    ring.read(1, file.fd, text, 4);
    io_uring_prep_cancel64(ring.entry(2), 1, 0);
    const auto all = ring.wait(2);
    const int cancel = result_of(all, 2);
    CHECK(result_of(all, 1) == (cancel == 0 ? -ECANCELED : 4));
    cancelled += cancel == 0;
    already += cancel == -EALREADY;
    not_found += cancel == -ENOENT;
    ring.close();
    CHECK(run.broken.empty());
  }
  CHECK(cancelled > 5);
  CHECK(already > 5);
  CHECK(not_found > 5);
}

TEST_CASE("a cancel that came too late is followed by an end, even if the data went elsewhere") {
  bool came_too_late = false;
  for (std::uint64_t seed = 1; seed != 40; ++seed) {
    CAPTURE(seed);
    Run run(slow(seed));
    OpenRing open;
    Pipe pipe;
    char first = 0, second = 0;
    open.read(1, pipe.out, &first, 1, -1);
    open.read(2, pipe.out, &second, 1, -1);
    REQUIRE(io_uring_submit(&open.ring) == 2);
    sim::advance(100'000);  // both wait
    REQUIRE(io_uring_get_events(&open.ring) == 0);
    REQUIRE(write(pipe.in, "x", 1) == 1);
    REQUIRE(io_uring_get_events(&open.ring) == 0);  // both are woken for one byte
    io_uring_prep_cancel(open.entry(3), nullptr, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    const auto all = open.wait(3);
    const int results[] = {result_of(all, 1), result_of(all, 2)};
    for (const int result : results) CHECK((result == 1 || result == -ECANCELED));
    came_too_late = came_too_late || (results[0] == 1) != (results[1] == 1);
    open.close();
    CHECK(run.broken.empty());
  }
  CHECK(came_too_late);
}

TEST_CASE("a synchronous cancel") {
  const Run run(plain());
  const Pipe pipe;
  OpenRing ring;
  char text[8];
  ring.read(1, pipe.out, text, 8);
  CHECK(io_uring_submit(&ring.ring) == 1);
  io_uring_sync_cancel_reg request{};
  request.addr = 1;
  CHECK(io_uring_register_sync_cancel(&ring.ring, &request) == 0);
  CHECK(result_of(ring.wait(1), 1) == -ECANCELED);
  CHECK(io_uring_register_sync_cancel(&ring.ring, &request) == -ENOENT);
}

TEST_CASE("CQE_SKIP_SUCCESS posts failures only") {
  const Run run(slow());
  const TemporaryFile file("text");
  OpenRing ring;
  char text[4], other[4], third[4];
  ring.read(1, file.fd, text, 4)->flags |= IOSQE_CQE_SKIP_SUCCESS;
  ring.read(2, -1, other, 4)->flags |= IOSQE_CQE_SKIP_SUCCESS;
  ring.read(3, file.fd, third, 4);
  const auto all = ring.wait(2);
  CHECK(result_of(all, 2) == -EBADF);
  CHECK(result_of(all, 3) == 4);
  __kernel_timespec moment{.tv_sec = 0,
                           .tv_nsec = 1'000'000};  // until the skipped one has ended too
  io_uring_prep_timeout(ring.entry(4), &moment, 0, 0);
  CHECK(ring.wait(1).size() == 1);
  CHECK(std::string(text, 4) == "text");
  ring.entry(5)->flags |=
      IOSQE_IO_DRAIN;  // drain counts completions, skipping makes the count wrong
  CHECK(result_of(ring.wait(1), 5) == -EOPNOTSUPP);
}

}  // namespace percore::sim::test
