// Results that a kernel gives on its bad days, given by the real one: what read() and write() make
// of them, and what becomes of the operations linked behind.

#include <doctest/doctest.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <percore/io.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include "injected_results.hpp"

using namespace percore;

namespace {

Task<> reads(std::vector<Result<std::uint32_t>>* results, int fd) {
  std::array<std::byte, 64> bytes{};
  const auto got = co_await read(fd, bytes, 0);
  results->push_back(got);
}

Task<> injects(std::int32_t result) {
  test::inject_result(Executor::current().ring().native(), result);
  co_return;
}

// The read has filled in its entry when the second task runs, and the turn has not ended yet.
Task<> read_that_ends_with(std::vector<Result<std::uint32_t>>* results, std::int32_t result) {
  auto reading = spawn(reads(results, -1));
  auto injecting = spawn(injects(result));
  co_await reading;
  co_await injecting;
}

Result<std::uint32_t> read_result(std::int32_t injected) {
  std::vector<Result<std::uint32_t>> results;
  Executor executor;
  executor.run(read_that_ends_with(&results, injected));
  REQUIRE(results.size() == 1);
  return results[0];
}

struct Linked {
  unsigned flags;
  std::int32_t injected;
};

// The results of a chain of NOPs, in order.
std::vector<std::int32_t> run_chain(const std::vector<Linked>& chain) {
  io_uring ring;
  REQUIRE(io_uring_queue_init(8, &ring, 0) == 0);
  for (std::size_t index = 0; index != chain.size(); ++index) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, index);
    sqe->flags = static_cast<std::uint8_t>(chain[index].flags);
    test::inject_result(ring, chain[index].injected);
  }
  std::vector<std::int32_t> results(chain.size(), 12345);
  REQUIRE(io_uring_submit_and_wait(&ring, static_cast<unsigned>(chain.size())) ==
          static_cast<int>(chain.size()));
  for (std::size_t count = 0; count != chain.size(); ++count) {
    io_uring_cqe* cqe = nullptr;
    REQUIRE(io_uring_wait_cqe(&ring, &cqe) == 0);
    results[cqe->user_data] = cqe->res;
    io_uring_cqe_seen(&ring, cqe);
  }
  io_uring_queue_exit(&ring);
  return results;
}

bool skipped() {
  if (test::can_inject_results()) return false;
  MESSAGE("skipped: NOP with an injected result needs Linux 6.10");
  return true;
}

}  // namespace

TEST_CASE("an error becomes its error code, and is not tried again behind the caller's back") {
  if (skipped()) return;
  for (const int error : {EIO, ENOSPC, EINTR, EAGAIN, ECANCELED, EBADF, ETIME, ENOBUFS}) {
    CAPTURE(error);
    const Result<std::uint32_t> result = read_result(-error);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error() == std::error_code(error, std::system_category()));
  }
}

TEST_CASE("a short result and the end of the file arrive as they are") {
  if (skipped()) return;
  for (const std::int32_t bytes : {0, 1, 63, 64}) {
    const Result<std::uint32_t> result = read_result(bytes);
    REQUIRE(result.has_value());
    CHECK(*result == static_cast<std::uint32_t>(bytes));
  }
}

TEST_CASE("an error breaks a soft link and no hard one; a positive result breaks none") {
  if (skipped()) return;
  const unsigned soft = IOSQE_IO_LINK, hard = IOSQE_IO_HARDLINK;
  using Results = std::vector<std::int32_t>;
  CHECK(run_chain({{soft, 3}, {soft, -EIO}, {soft, 5}, {0, 6}}) ==
        Results{3, -EIO, -ECANCELED, -ECANCELED});
  CHECK(run_chain({{hard, -EIO}, {hard, 4}, {0, 5}}) == Results{-EIO, 4, 5});
  CHECK(run_chain({{hard, -EIO}, {soft, -ENOSPC}, {0, 5}}) == Results{-EIO, -ENOSPC, -ECANCELED});
}
