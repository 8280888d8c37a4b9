// Several executors, each on a thread of its own, over the simulated ring: they work on files and
// send one another messages, in hundreds of interleavings.
#include <doctest/doctest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <mutex>
#include <percore/io.hpp>
#include <percore/sim.hpp>
#include <string>
#include <thread>
#include <vector>

#include "pipe.hpp"

using namespace percore;
using percore::test::try_again;

namespace {

// What an executor receives: a queue under a lock, and an eventfd that its ring sleeps on.
struct Inbox {
  Inbox() : bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { REQUIRE(bell >= 0); }
  ~Inbox() { ::close(bell); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  void send(int message) {
    {
      const std::lock_guard lock(mutex);
      messages.push_back(message);
    }
    const std::uint64_t one = 1;
    REQUIRE(::write(bell, &one, sizeof one) == sizeof one);
  }
  Task<int> receive() {
    for (;;) {
      {
        const std::lock_guard lock(mutex);
        if (!messages.empty()) {
          const int first = messages.front();
          messages.pop_front();
          co_return first;
        }
      }
      std::uint64_t rings = 0;
      const auto got = co_await read(bell, std::as_writable_bytes(std::span(&rings, 1)));
      if (!got && !try_again(got.error())) REQUIRE(got.error() == std::error_code());
    }
  }

  const int bell;
  std::mutex mutex;
  std::deque<int> messages;
};

Task<> write_byte(int fd, std::byte value, std::uint64_t offset) {
  for (;;) {
    const auto written = co_await write(fd, std::span(&value, 1), offset);
    if (written) co_return;
    REQUIRE(try_again(written.error()));
  }
}

// Passes a number round: each executor writes a byte at its place, then sends it on.
Task<> pass_on(Inbox& mine, Inbox& next, int fd, int number, int rounds, int executors) {
  if (number == 0) next.send(1);
  for (int round = 0; round < rounds; ++round) {
    const int place = co_await mine.receive();
    co_await write_byte(fd, std::byte(number + 1), static_cast<std::uint64_t>(place));
    if (place < rounds * executors) next.send(place + 1);
  }
}

void run_executors(int executors, int rounds, int fd) {
  std::deque<Inbox> inboxes(static_cast<std::size_t>(executors));
  std::vector<std::jthread> threads;
  for (int number = 0; number < executors; ++number) {
    threads.emplace_back([&, number] {
      Executor executor;
      Inbox& mine = inboxes[static_cast<std::size_t>(number)];
      Inbox& next = inboxes[static_cast<std::size_t>((number + 1) % executors)];
      executor.run(pass_on(mine, next, fd, number, rounds, executors));
    });
  }
}

}  // namespace

TEST_CASE("executors on threads of their own pass messages round, whatever the interleaving") {
  constexpr int executors = 3, rounds = 4;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    std::string broken;
    sim::set_violation_handler(
        [](const sim::Violation& violation, void* context) {
          *static_cast<std::string*>(context) += violation.sentence + "\n" + violation.history;
        },
        &broken);
    std::uint64_t hashes[2] = {};
    for (std::uint64_t& hash : hashes) {
      const int fd = memfd_create("percore-test", MFD_CLOEXEC);
      REQUIRE(fd >= 0);
      sim::begin(seed % 2 == 0 ? sim::gentle(seed) : sim::rough(seed));
      run_executors(executors, rounds, fd);
      const bool whole = sim::end();
      CHECK_MESSAGE(whole, broken);
      hash = sim::trace_hash();
      char bytes[executors * rounds + 1] = {};
      REQUIRE(::pread(fd, bytes, sizeof bytes, 0) == executors * rounds + 1);
      for (int place = 1; place <= executors * rounds; ++place)
        CHECK(bytes[place] == 1 + place % executors);
      ::close(fd);
      if (!whole) break;
    }
    sim::set_violation_handler(nullptr);
    CHECK(hashes[0] == hashes[1]);
    if (!broken.empty()) return;
  }
}
