// The runtime of lesson 01 on the simulated ring, over seeds with every kind of fault: it breaks no rule, loses no
// completion and moves every byte.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <percore/io.hpp>

#include "fixture.hpp"

namespace percore::sim::test {

namespace {

constexpr unsigned writers = 10, line_bytes = 40;

bool passes_by_itself(const std::error_code& error) { return error.value() == EAGAIN || error.value() == EINTR; }

Task<> write_line(int fd, unsigned number) {
  std::array<char, line_bytes> line{};
  line.fill(static_cast<char>('a' + number));
  std::size_t done = 0;
  while (done < line.size()) {
    const auto rest = std::as_bytes(std::span(line).subspan(done));
    const auto written = co_await percore::write(fd, rest, number * line_bytes + done);
    if (written) {
      done += *written;
    } else {
      REQUIRE(passes_by_itself(written.error()));
    }
    co_await yield();
  }
}

Task<unsigned> count_letters(int fd, unsigned number) {
  std::array<std::byte, line_bytes> line{};
  std::size_t done = 0;
  while (done < line.size()) {
    const auto rest = std::span(line).subspan(done);
    const auto got = co_await percore::read(fd, rest, number * line_bytes + done);
    if (got) {
      done += *got;
    } else {
      REQUIRE(passes_by_itself(got.error()));
    }
  }
  unsigned right = 0;
  for (const std::byte letter : line) right += letter == static_cast<std::byte>('a' + number);
  co_return right;
}

Task<unsigned> write_then_count(int fd) {
  std::vector<JoinHandle<void>> written;
  for (unsigned number = 0; number < writers; ++number) written.push_back(spawn(write_line(fd, number)));
  for (JoinHandle<void>& handle : written) co_await handle;
  std::vector<JoinHandle<unsigned>> counted;
  for (unsigned number = 0; number < writers; ++number) counted.push_back(spawn(count_letters(fd, number)));
  unsigned right = 0;
  for (JoinHandle<unsigned>& handle : counted) {
    const unsigned letters = co_await handle;
    right += letters;
  }
  co_return right;
}

Task<> wait_for_data(int fd) {
  std::array<std::byte, 8> out{};
  const auto got = co_await percore::read(fd, out);
  REQUIRE(!got);
  CHECK(got.error().value() == ECANCELED);
}

Task<> leave_readers_behind(int fd) {
  for (unsigned number = 0; number < 5; ++number) spawn(wait_for_data(fd)).detach();
  co_await yield();
  const auto done = co_await nop();
  CHECK(done.has_value());
}

}  // namespace

TEST_CASE("ten writers and ten readers, over seeds") {
  std::uint64_t faults = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Run run(rough(seed));
    const TemporaryFile file;
    {
      Executor executor({.ring = {.entries = 16}});
      CHECK(executor.run(write_then_count(file.fd)) == writers * line_bytes);
    }
    CHECK(end());
    faults += counts().faults;
    if (!run.broken.empty()) FAIL(last_violation()->sentence << "\n" << last_violation()->history);
  }
  CHECK(faults > 1000);
}

TEST_CASE("an executor that ends cancels what is in flight and waits for it, over seeds") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Options options = rough(seed);
    options.again_results_percent = options.interrupted_results_percent = 0;
    Run run(options);
    const Pipe pipe;
    {
      Executor executor({.ring = {.entries = 16}});
      executor.run(leave_readers_behind(pipe.out));
    }
    CHECK(end());
    if (!run.broken.empty()) FAIL(last_violation()->sentence << "\n" << last_violation()->history);
  }
}

}  // namespace percore::sim::test
