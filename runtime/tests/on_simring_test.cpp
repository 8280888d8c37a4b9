// The runtime of lesson 01 on the simulated ring: the same objects, hundreds of schedules, every
// fault that a kernel may answer with. A seed that fails is printed; PERCORE_SEEDS sets how many
// are tried.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <percore/io.hpp>
#include <percore/sim.hpp>
#include <string>
#include <vector>

#include "pipe.hpp"
#include "seeds.hpp"

using namespace percore;
using percore::test::Pipe;
using percore::test::seeds;
using percore::test::try_again;

namespace {

// Runs `body` on many seeds, calm and rough in turn, with the oracles of the simulated ring on.
template <typename Body>
void over_seeds(Body body) {
  for (std::uint64_t seed = 0; seed < seeds(300); ++seed) {
    CAPTURE(seed);
    std::string broken;
    sim::set_violation_handler(
        [](const sim::Violation& violation, void* context) {
          *static_cast<std::string*>(context) += violation.sentence + "\n" + violation.history;
        },
        &broken);
    sim::begin(seed % 2 == 0 ? sim::gentle(seed) : sim::rough(seed));
    body(seed);
    const bool whole = sim::end();
    CHECK_MESSAGE(whole, broken);
    sim::set_violation_handler(nullptr);
    if (!whole) return;
  }
}

struct MemoryFile {
  MemoryFile() : fd(memfd_create("percore-test", MFD_CLOEXEC)) { REQUIRE(fd >= 0); }
  ~MemoryFile() { close(fd); }
  int fd;
};

Task<> write_all(int fd, std::string text, std::uint64_t offset) {
  std::span<const std::byte> left = std::as_bytes(std::span(text));
  while (!left.empty()) {
    const auto written = co_await write(fd, left, offset);
    if (!written && try_again(written.error())) continue;
    REQUIRE(written.has_value());
    left = left.subspan(*written);
    offset += *written;
  }
}

Task<std::string> read_all(int fd, std::size_t size_bytes) {
  std::string text(size_bytes, '\0');
  std::span<std::byte> left = std::as_writable_bytes(std::span(text));
  std::uint64_t offset = 0;
  while (!left.empty()) {
    const auto got = co_await read(fd, left, offset);
    if (!got && try_again(got.error())) continue;
    REQUIRE(got.has_value());
    REQUIRE(*got > 0);
    left = left.subspan(*got);
    offset += *got;
  }
  co_return text;
}

std::string line(unsigned number) {
  return "line " + std::to_string(100 + number) + "\n";
}

Task<> many_writers(int fd, unsigned writers) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned i = 0; i < writers; ++i) {
    handles.push_back(spawn(write_all(fd, line(i), i * line(0).size())));
  }
  for (JoinHandle<void>& handle : handles) co_await handle;
}

Task<> nops(int count, int& done) {
  for (int i = 0; i < count; ++i) {
    const auto result = co_await nop();
    REQUIRE(result == 0u);
    ++done;
  }
}

Task<> yields_and_nops(int tasks, int each, int& done) {
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < tasks; ++i) handles.push_back(spawn(nops(each, done)));
  for (int i = 0; i < each; ++i) co_await yield();
  for (JoinHandle<void>& handle : handles) co_await handle;
}

Task<> reads_until_cancelled(int fd, int& cancelled) {
  std::byte byte{};
  for (;;) {
    const auto got = co_await read(fd, std::span(&byte, 1));
    REQUIRE_FALSE(got.has_value());
    if (try_again(got.error()) && !Executor::current().ending()) continue;
    ++cancelled;
    co_return;
  }
}

Task<> leaves_readers(int fd, int readers, int& cancelled) {
  for (int i = 0; i < readers; ++i) spawn(reads_until_cancelled(fd, cancelled)).detach();
  for (int i = 0; i < 3; ++i) co_await nop();
}

struct Counted final : Operation {
  Counted()
      : Operation([](Operation& self, std::int32_t, std::uint32_t) noexcept {
          auto& counted = static_cast<Counted&>(self);
          ++counted.times;
          if (counted.waiting.coroutine) counted.waiting.schedule();
        }) {}
  // Awaits its completion.
  struct Done {
    explicit Done(Counted& for_which) : operation(for_which) {}
    bool await_ready() const noexcept { return operation.times != 0; }
    void await_suspend(std::coroutine_handle<> handle) const {
      operation.waiting = Runnable::of(handle);
    }
    void await_resume() const noexcept {}
    Counted& operation;
  };
  int times = 0;
  Runnable waiting;
};

}  // namespace

TEST_CASE("many writers and one reader see every byte, whatever the kernel does") {
  over_seeds([](std::uint64_t seed) {
    MemoryFile file;
    const auto writers = static_cast<unsigned>(1 + seed % 40);
    Executor executor;
    executor.run(many_writers(file.fd, writers));
    const std::string all = executor.run(read_all(file.fd, writers * line(0).size()));
    std::string wanted;
    for (unsigned i = 0; i < writers; ++i) wanted += line(i);
    CHECK(all == wanted);
    CHECK(executor.tasks_alive() == 0);
  });
}

TEST_CASE("more operations than either queue holds, between tasks that yield") {
  over_seeds([](std::uint64_t seed) {
    ExecutorOptions options;
    options.ring.entries = 1u << (seed % 5);
    options.resumes_per_turn_max = 1 + static_cast<unsigned>(seed % 7);
    Executor executor(options);
    int done = 0;
    executor.run(yields_and_nops(20, 5, done));
    CHECK(done == 100);
    CHECK(executor.ring().in_flight() == 0);
    CHECK(executor.ring().unsubmitted() == 0);
  });
}

TEST_CASE(
    "the end of an executor cancels what waits, and nothing is in flight when the ring closes") {
  over_seeds([](std::uint64_t seed) {
    Pipe pipe;
    int cancelled = 0;
    const int readers = 1 + static_cast<int>(seed % 20);
    Executor executor;
    executor.run(leaves_readers(pipe.ends[0], readers, cancelled));
    CHECK(cancelled == readers);
  });
}

TEST_CASE("a ring alone completes each operation once, and can close with operations in flight") {
  over_seeds([](std::uint64_t seed) {
    Pipe pipe;
    std::array<char, 16> bytes{};
    std::vector<std::unique_ptr<Counted>> operations;
    {
      Ring ring(RingOptions{.entries = 4u << (seed % 3), .completion_entries = 0});
      for (unsigned i = 0; i < 60; ++i) {
        operations.push_back(std::make_unique<Counted>());
        io_uring_sqe& entry = ring.entry(*operations.back());
        if (i % 4 == 3 && i / 4 < bytes.size()) {
          io_uring_prep_read(&entry, pipe.ends[0], &bytes[i / 4], 1, -1);
        } else {
          io_uring_prep_nop(&entry);
        }
        if (i % 7 == seed % 7) ring.turn(Wait::no);
      }
    }
    for (const auto& operation : operations) CHECK(operation->times == 1);
  });
}

#if PERCORE_ALL_OURS
namespace {

// A read for which nothing ever comes, linked behind one that may be past cancelling.
void ask_for_what_starts_late(Ring& ring, Operation& first, Operation& late, int file, int quiet,
                              std::byte* bytes) {
  ring.reserve(2);
  io_uring_sqe& head = ring.entry(first);
  io_uring_prep_read(&head, file, bytes, 1, 0);
  head.flags |= IOSQE_IO_LINK;
  io_uring_prep_read(&ring.entry(late), quiet, bytes + 1, 1, -1);
}

// Ends when `operation` has completed.
Task<> waits_for(Counted& operation) {
  co_await Counted::Done(operation);
}

Task<> ends_with_what_starts_late(int file, int quiet, Counted& first, Counted& late,
                                  std::byte* bytes) {
  spawn(waits_for(late)).detach();
  ask_for_what_starts_late(Executor::current().ring(), first, late, file, quiet, bytes);
  co_await nop();
}

}  // namespace

TEST_CASE("what is linked behind an operation that a cancel came too late for is cancelled, too") {
  over_seeds([](std::uint64_t) {
    MemoryFile file;
    REQUIRE(ftruncate(file.fd, 16) == 0);
    Pipe pipe;
    std::array<std::byte, 2> bytes{};
    Counted first, late;
    {
      Ring ring;
      ask_for_what_starts_late(ring, first, late, file.fd, pipe.ends[0], bytes.data());
      ring.turn(Wait::no);
    }
    CHECK(first.times == 1);
    CHECK(late.times == 1);
    Executor executor;
    Counted first_of_task, late_of_task;
    executor.run(ends_with_what_starts_late(file.fd, pipe.ends[0], first_of_task, late_of_task,
                                            bytes.data()));
    CHECK(late_of_task.times == 1);
  });
}
#endif

TEST_CASE("the same seed is the same run") {
  std::array<std::uint64_t, 2> hashes{};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::uint64_t& hash : hashes) {
      sim::begin(sim::rough(seed));
      {
        MemoryFile file;
        Executor executor;
        executor.run(many_writers(file.fd, 10));
      }
      CHECK(sim::end());
      hash = sim::trace_hash();
    }
    CHECK(hashes[0] == hashes[1]);
  }
}

TEST_CASE("E3: a hundred operations of a hundred tasks cost one enter") {
  sim::Options options;
  options.inline_percent = 100;
  sim::begin(options);
  {
    int done = 0;
    Executor executor;
    executor.run(yields_and_nops(100, 1, done));
    CHECK(done == 100);
  }
  CHECK(sim::counts().enters <= 2);
  CHECK(sim::end());
}

TEST_CASE("E3: what a poller collects while it prepares to sleep is not slept over") {
  // Its entry finds the queue full: what is there is submitted, completes, and makes a task ready.
  struct ReadsBeforeSleep final : Poller, Operation {
    explicit ReadsBeforeSleep(int from)
        : Operation([](Operation&, std::int32_t, std::uint32_t) noexcept {}), fd(from) {}
    bool poll() override { return false; }
    bool prepare_to_sleep() override {
      if (!in_flight())
        io_uring_prep_read(&Executor::current().ring().entry(*this), fd, &byte, 1, -1);
      return true;
    }
    int fd;
    std::byte byte{};
  };
  sim::Options options;
  options.inline_percent = 100;
  sim::begin(options);
  {
    Pipe pipe;
    ReadsBeforeSleep poller(pipe.ends[0]);
    ExecutorOptions executor_options;
    executor_options.ring.entries = 1;
    Executor executor(executor_options);
    executor.add_poller(poller);
    int done = 0;
    executor.run(nops(3, done));
    CHECK(done == 3);
    executor.remove_poller(poller);
  }
  CHECK(sim::end());
}

TEST_CASE("each thing that an older kernel lacks is lost with a sentence, and all still works") {
  struct Kernel {
    unsigned refused;
    bool single_issuer, defer_taskrun, coop_taskrun;
  };
  const std::array kernels = {
      Kernel{0, true, true, false},
      Kernel{IORING_SETUP_DEFER_TASKRUN, true, false, true},
      Kernel{IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER, false, false, true},
      Kernel{IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG,
             false, false, false},
  };
  for (const Kernel& kernel : kernels) {
    CAPTURE(kernel.refused);
    sim::Options options;
    options.refused_setup_flags = kernel.refused;
    sim::begin(options);
    {
      io_uring ring{};
      const auto report = open_ring(ring, RingOptions{});
      REQUIRE(report.has_value());
      CHECK(report->single_issuer == kernel.single_issuer);
      CHECK(report->defer_taskrun == kernel.defer_taskrun);
      CHECK(report->coop_taskrun == kernel.coop_taskrun);
      CHECK(report->lost.empty() == (kernel.refused == 0));
      io_uring_queue_exit(&ring);
      MemoryFile file;
      Executor executor;
      executor.run(many_writers(file.fd, 10));
    }
    CHECK(sim::end());
  }
}

TEST_CASE(
    "a ring that cannot be opened throws its reason, and a kernel before 5.11 is called old") {
  sim::Options options;
  options.setup_result = -ENOMEM;
  sim::begin(options);
  try {
    const Executor executor;
    FAIL("a ring was opened");
  } catch (const RingUnavailable& unavailable) {
    CHECK(unavailable.failure().cause == RingFailureCause::memlock_too_low);
  }
  CHECK(sim::end());
  options = {};
  options.missing_features = IORING_FEAT_EXT_ARG;
  sim::begin(options);
  io_uring ring{};
  const auto report = open_ring(ring, RingOptions{});
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().cause == RingFailureCause::old_kernel);
  CHECK(sim::end());
}
