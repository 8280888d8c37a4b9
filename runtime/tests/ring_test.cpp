#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <percore/ring.hpp>
#include <vector>

#include "death.hpp"
#include "pipe.hpp"

using namespace percore;
using percore::test::Pipe;

namespace {

struct Recorded final : Operation {
  explicit Recorded(std::vector<int>* order_of_ends = nullptr, int number = 0)
      : Operation(&Recorded::record), order(order_of_ends), name(number) {}
  static void record(Operation& self, std::int32_t result, std::uint32_t) noexcept {
    auto& recorded = static_cast<Recorded&>(self);
    recorded.last_result = result;
    ++recorded.times;
    if (recorded.order != nullptr) recorded.order->push_back(recorded.name);
  }
  std::vector<int>* order;
  int name;
  int times = 0;
  std::int32_t last_result = 0;
};

void prepare_nop(Ring& ring, Operation& operation) {
  io_uring_prep_nop(&ring.entry(operation));
}

}  // namespace

TEST_CASE("R2 and R3: a batch of entries is one enter, and each completes once, in order") {
  Ring ring;
  std::vector<int> order;
  std::vector<std::unique_ptr<Recorded>> operations;
  for (int i = 0; i < 32; ++i) {
    operations.push_back(std::make_unique<Recorded>(&order, i));
    prepare_nop(ring, *operations.back());
  }
  CHECK(ring.unsubmitted() == 32);
  CHECK(ring.in_flight() == 32);
  CHECK(ring.turn(Wait::for_completion) == 32);
  CHECK(ring.counts().enters == 1);
  CHECK(ring.unsubmitted() == 0);
  CHECK(ring.in_flight() == 0);
  for (int i = 0; i < 32; ++i) {
    CHECK(operations[i]->times == 1);
    CHECK(order[i] == i);
  }
}

TEST_CASE("R1: a full submission queue is flushed, and every entry handed out completes") {
  Ring ring(RingOptions{.entries = 4});
  std::vector<std::unique_ptr<Recorded>> operations;
  for (int i = 0; i < 1'000; ++i) {
    operations.push_back(std::make_unique<Recorded>());
    prepare_nop(ring, *operations.back());
  }
  ring.drain();
  for (const auto& operation : operations) CHECK(operation->times == 1);
  CHECK(ring.counts().completions == 1'000);
}

TEST_CASE("more completions than the completion queue holds are kept and handed over") {
  Pipe pipe;
  Ring ring(RingOptions{.entries = 4, .completion_entries = 4});
  std::vector<std::unique_ptr<Recorded>> reads;
  std::array<char, 64> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    reads.push_back(std::make_unique<Recorded>());
    io_uring_prep_read(&ring.entry(*reads.back()), pipe.ends[0], &bytes[i], 1, -1);
  }
  ring.turn(Wait::no);
  REQUIRE(write(pipe.ends[1], std::string(64, 'x').data(), 64) == 64);
  ring.drain();
  for (const auto& one : reads) {
    CHECK(one->times == 1);
    CHECK(one->last_result == 1);
  }
}

TEST_CASE(
    "a turn that may not wait returns at once, without an enter when there is nothing to do") {
  Ring ring;
  CHECK(ring.turn(Wait::no) == 0);
  CHECK(ring.counts().enters == 0);
}

TEST_CASE("a turn sleeps until its deadline when nothing completes") {
  Pipe pipe;
  Ring ring;
  Recorded read;
  char byte = 0;
  io_uring_prep_read(&ring.entry(read), pipe.ends[0], &byte, 1, -1);
  const Time deadline = now() + Time{3'000'000};
  while (now() < deadline) CHECK(ring.turn(Wait::for_completion, deadline) == 0);
  CHECK(ring.in_flight() == 1);
  REQUIRE(write(pipe.ends[1], "x", 1) == 1);
  ring.drain();
  CHECK(read.last_result == 1);
}

TEST_CASE("a deadline that has passed submits and collects, and does not sleep") {
  Ring ring;
  Recorded operation;
  prepare_nop(ring, operation);
  for (int turn = 0; turn < 3 && ring.in_flight() != 0; ++turn)
    ring.turn(Wait::for_completion, Time{0});
  CHECK(operation.times == 1);
}

TEST_CASE("a signal ends a turn early and loses nothing") {
  Pipe pipe;
  Ring ring;
  Recorded read;
  char byte = 0;
  io_uring_prep_read(&ring.entry(read), pipe.ends[0], &byte, 1, -1);
  struct sigaction action{};
  action.sa_handler = [](int) {};  // without SA_RESTART
  sigaction(SIGALRM, &action, nullptr);
  ualarm(2'000, 2'000);  // again and again: on a busy machine the first may come before the wait
  CHECK(ring.turn(Wait::for_completion) == 0);
  ualarm(0, 0);
  CHECK(ring.in_flight() == 1);
  REQUIRE(write(pipe.ends[1], "x", 1) == 1);
  ring.drain();
  CHECK(read.times == 1);
}

TEST_CASE("the kernel's error arrives as a negative result") {
  Ring ring;
  Recorded read;
  char byte = 0;
  io_uring_prep_read(&ring.entry(read), -1, &byte, 1, 0);
  ring.drain();
  CHECK(read.last_result == -EBADF);
}

TEST_CASE("reserve() keeps a linked chain in one submit") {
  Ring ring(RingOptions{.entries = 8});
  std::vector<int> order;
  std::vector<std::unique_ptr<Recorded>> operations;
  for (int chain = 0; chain < 50; ++chain) {
    ring.reserve(3);
    const auto enters = ring.counts().enters;
    for (int link = 0; link < 3; ++link) {
      operations.push_back(std::make_unique<Recorded>(&order, chain * 3 + link));
      prepare_nop(ring, *operations.back());
    }
    CHECK(ring.counts().enters == enters);
  }
  ring.drain();
  CHECK(order.size() == 150);
}

TEST_CASE("R6: cancel_all() ends what waits, and the ring closes only when nothing is in flight") {
  Pipe pipe;
  std::array<char, 8> bytes{};
  std::vector<std::unique_ptr<Recorded>> reads;
  {
    Ring ring;
    for (char& byte : bytes) {
      reads.push_back(std::make_unique<Recorded>());
      io_uring_prep_read(&ring.entry(*reads.back()), pipe.ends[0], &byte, 1, -1);
    }
    ring.turn(Wait::no);
    CHECK(ring.in_flight() == bytes.size());
  }
  for (const auto& read : reads) {
    CHECK(read->times == 1);
    CHECK((read->last_result == -ECANCELED || read->last_result == -EINTR));
  }
}

TEST_CASE("entries that were never submitted are cancelled too when the ring closes") {
  Pipe pipe;
  char byte = 0;
  Recorded read;
  {
    Ring ring;
    io_uring_prep_read(&ring.entry(read), pipe.ends[0], &byte, 1, -1);
  }
  CHECK(read.times == 1);
}

TEST_CASE("no descriptor is left over after many lives") {
  const int before = dup(0);
  close(before);
  for (int life = 0; life < 200; ++life) {
    Ring ring(RingOptions{.entries = 8});
    Recorded operation;
    prepare_nop(ring, operation);
    ring.drain();
  }
  const int after = dup(0);
  close(after);
  CHECK(after == before);
}

TEST_CASE("mistakes end the program with a sentence") {
  using percore::test::death_of;
  const auto twice = death_of([] {
    Ring ring;
    Recorded operation;
    prepare_nop(ring, operation);
    prepare_nop(ring, operation);
  });
  CHECK(twice.aborted);
  CHECK(twice.says("a second time before it completed"));
  const auto too_long = death_of([] {
    Ring ring(RingOptions{.entries = 4});
    ring.reserve(5);
  });
  CHECK(too_long.has_a_sentence("longer than the submission queue"));
  const auto destroyed = death_of([] {
    Ring ring;
    {
      Recorded operation;
      prepare_nop(ring, operation);
    }
    _exit(0);
  });
  CHECK(destroyed.aborted);
  CHECK(destroyed.says("destroyed while the kernel still has it"));
}
