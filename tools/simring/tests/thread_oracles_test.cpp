// Oracles that no test has to ask for: wake-ups that nobody sends, rings used by two threads,
// descriptors left open, growth without a bound; and the faults that come with them.

#include <fcntl.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <mutex>
#include <new>
#include <thread>

#include "fixture.hpp"
#include "threads_fixture.hpp"

namespace percore::sim::test {

namespace {

// The doorbell of a mesh in its smallest form: a queue for the sleeper, and a bell rung only if it
// says that it sleeps.
struct Doorbell {
  std::atomic<int> queued = 0;
  std::atomic<bool> asleep = false;
  Bell bell;
  bool looks_twice = true;

  void send() {
    queued.fetch_add(1);
    preemption_point();
    if (asleep.exchange(false)) bell.ring();
  }
  void receive(io_uring& ring, int count) {
    while (count != 0) {
      const int found = queued.exchange(0);
      count -= found;
      if (found != 0 || count == 0) continue;
      preemption_point();
      asleep.store(true);
      if (looks_twice && queued.load() != 0) {
        asleep.store(false);
        continue;
      }
      bell.arm(ring, 1);
      if (wait_for_one(ring) == -EDEADLK) return;
    }
  }
};

// Returns  whether the run was whole.
bool messages_arrive(std::uint64_t seed, bool looks_twice, Run& run) {
  {
    Doorbell door;
    door.looks_twice = looks_twice;
    std::jthread receiver([&] {
      OpenRing ring(8, deferred_flags);
      add_queue_probe(
          [](void* queued) -> std::size_t {
            return static_cast<std::size_t>(static_cast<std::atomic<int>*>(queued)->load());
          },
          &door.queued);
      door.receive(ring.ring, 3);
      door.bell.ring();  // for a read that is still waiting
      if (io_uring_sq_ready(&ring.ring) == 0 && counts().in_flight != 0) ring.wait(1);
    });
    for (int message = 0; message < 3; ++message) {
      door.send();
      std::this_thread::sleep_for(std::chrono::microseconds(seed % 3));
    }
  }
  return run.broken.empty();
}

}  // namespace

TEST_CASE("lost_wakeup: a doorbell without the second look loses one with some seeds") {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Options options = gentle(seed);
    options.allow_unfinished = true;
    {
      Run run(options);
      CHECK(messages_arrive(seed, true, run));
    }
    Run run(options);
    if (messages_arrive(seed, false, run)) continue;
    ++lost;
    CHECK(run.broken.front() == Rule::lost_wakeup);
    CHECK(history().find("waits in io_uring_enter") != std::string::npos);
  }
  CHECK(lost > 3);
}

TEST_CASE("MSG_RING wakes a sleeping ring, of each kind, and one that is awake") {
  for (const unsigned flags : {0u, deferred_flags}) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      CAPTURE(seed);
      Run run(rough(seed));
      {
        std::atomic<int> target = -1;
        int sum = 0;
        std::jthread receiver([&] {
          OpenRing ring(4, flags);
          target = ring.ring.ring_fd;
          for (const auto& one : ring.wait(5)) {
            CHECK(one.user_data == 77);
            sum += one.result;
          }
        });
        while (target < 0) std::this_thread::yield();
        OpenRing ring(8, flags);
        for (unsigned number = 1; number <= 5; ++number) {
          io_uring_sqe* const sqe = ring.entry(number);
          io_uring_prep_msg_ring(sqe, target, number, 77, 0);
          io_uring_sqe_set_data64(sqe, number);
          CHECK(ring.wait(1) == std::vector<OpenRing::Completion>{{number, 0}});
        }
        receiver.join();
        CHECK(sum == 15);
      }
      CHECK(run.broken.empty());
      CHECK(end());
    }
  }
}

TEST_CASE("MSG_RING refuses what Linux refuses, and passes registered files") {
  const Run run(plain());
  const TemporaryFile file("text");
  OpenRing from, to;
  const int own = file.fd, empty[2] = {-1, -1};
  REQUIRE(io_uring_register_files(&from.ring, &own, 1) == 0);
  REQUIRE(io_uring_register_files(&to.ring, empty, 2) == 0);
  const auto sent = [&](auto change) {
    io_uring_sqe* const sqe = from.entry(1);
    io_uring_prep_msg_ring(sqe, to.ring.ring_fd, 7, 99, 0);
    io_uring_sqe_set_data64(sqe, 1);
    change(*sqe);
    return result_of(from.wait(1), 1);
  };
  const auto file_to = [](io_uring_sqe& sqe, unsigned index) {
    sqe.addr = IORING_MSG_SEND_FD;
    sqe.len = 0;
    sqe.file_index = index;
  };
  CHECK(sent([&](io_uring_sqe& sqe) { sqe.fd = own; }) == -EBADFD);
  CHECK(sent([](io_uring_sqe& sqe) { sqe.fd = 999; }) == -EBADF);
  CHECK(sent([](io_uring_sqe& sqe) { sqe.addr = 9; }) == -EINVAL);
  CHECK(sent([](io_uring_sqe& sqe) { sqe.addr3 = 1; }) == -EINVAL);
  CHECK(sent([](io_uring_sqe& sqe) { sqe.buf_index = 1; }) == -EINVAL);
  CHECK(sent([](io_uring_sqe& sqe) { sqe.msg_ring_flags = IORING_MSG_RING_CQE_SKIP; }) == -EINVAL);
  CHECK(sent([&](io_uring_sqe& sqe) { file_to(sqe, 0); }) == -EINVAL);
  CHECK(sent([&](io_uring_sqe& sqe) { file_to(sqe, 99); }) == -EINVAL);
  CHECK(to.harvest().empty());
  CHECK(sent([&](io_uring_sqe& sqe) { file_to(sqe, 2); }) == 0);
  CHECK(to.wait(1) == std::vector<OpenRing::Completion>{{99, 0}});
  CHECK(sent([&](io_uring_sqe& sqe) { file_to(sqe, IORING_FILE_INDEX_ALLOC); }) == 0);
  CHECK(sent([&](io_uring_sqe& sqe) { file_to(sqe, IORING_FILE_INDEX_ALLOC); }) == -ENFILE);
  CHECK(to.wait(1) == std::vector<OpenRing::Completion>{{99, 0}});
  char text[4];
  to.read(5, 1, text, 4)->flags |= IOSQE_FIXED_FILE;
  CHECK(to.wait(1) == std::vector<OpenRing::Completion>{{5, 4}});
  CHECK(std::memcmp(text, "text", 4) == 0);
}

TEST_CASE("wrong_thread: a ring that goes back and forth, unless it is handed over") {
  const auto use = [](OpenRing& ring) {
    ring.entry(1);
    ring.wait(1);
  };
  const auto back_and_forth = [&](bool with_lock) {
    Run run(plain());
    OpenRing ring(8, 0);
    std::mutex mutex;
    std::atomic<int> turn = 0;
    const auto take_turns = [&](int number) {
      for (int round = 0; round < 3; ++round) {
        while (turn % 2 != number) std::this_thread::yield();
        std::unique_lock lock(mutex, std::defer_lock);
        if (with_lock) lock.lock();
        use(ring);
        if (with_lock) lock.unlock();
        ++turn;
      }
    };
    {
      std::jthread other(take_turns, 1);
      take_turns(0);
    }
    return run.broken;
  };
  CHECK(back_and_forth(true).empty());
  const auto broken = back_and_forth(false);
  REQUIRE_FALSE(broken.empty());
  CHECK(broken.front() == Rule::wrong_thread);
  Run run(plain());
  OpenRing ring(8, 0);  // made here, used there, used here again after the join
  std::jthread([&] { use(ring); }).join();
  use(ring);
  CHECK(run.broken.empty());
}

TEST_CASE("blocks_outside: a thread that sleeps in a call that is not simulated") {
  begin(plain());
  const Pipe pipe;
  std::string sentence;
  struct Context {
    int in;
    std::string& sentence;
  } context{pipe.in, sentence};
  set_violation_handler(
      [](const Violation& violation, void* raw) {
        auto& here = *static_cast<Context*>(raw);
        here.sentence = violation.sentence;
        [[maybe_unused]] const auto written = ::write(here.in, "x", 1);  // so that it goes on
      },
      &context);
  char byte = 0;
  {
    const std::jthread other([&] { std::this_thread::sleep_for(std::chrono::seconds(1)); });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(::read(pipe.out, &byte, 1) == 1);
  }
  CHECK(sentence.find("thread 0 sleeps in a call that is not simulated") == 0);
  CHECK_FALSE(end());
  set_violation_handler(nullptr);
}

TEST_CASE("descriptor_left_open: by the ring or otherwise, named") {
  Options options = plain();
  options.watch_descriptors = true;
  int left[2] = {-1, -1};
  {
    Run run(options);
    {
      OpenRing ring;
      io_uring_sqe* const sqe = ring.entry(1);
      io_uring_prep_openat(sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0);
      io_uring_sqe_set_data64(sqe, 1);
      left[0] = result_of(ring.wait(1), 1);
      left[1] = ::open("/dev/zero", O_RDONLY);
    }
    CHECK_FALSE(end());
    CHECK(run.broke(Rule::descriptor_left_open));
    const std::string sentence = last_violation()->sentence;
    CHECK(sentence.find("2 descriptors were left open") != std::string::npos);
    CHECK(sentence.find("IORING_OP_OPENAT, operation 1, opened it") != std::string::npos);
    CHECK(sentence.find("it is /dev/zero") != std::string::npos);
  }
  begin(options);
  CHECK(end());
  for (const int fd : left) ::close(fd);
}

TEST_CASE("grows_without_bound: in flight, kept aside, allocated") {
  Options options = slow();
  options.in_flight_limit = 20;
  options.allow_unfinished = true;
  {
    Run run(options);
    const Pipe pipe;
    OpenRing ring;
    char byte;
    for (unsigned number = 0; number != 30; ++number) {
      ring.read(number, pipe.out, &byte, 1, -1);
      io_uring_submit(&ring.ring);
    }
    CHECK(run.broke(Rule::grows_without_bound));
  }
  options = plain();
  options.overflow_limit = 10;
  options.cq_entries_max = 2;
  options.allow_unfinished = true;
  {
    Run run(options);
    OpenRing ring;
    for (unsigned number = 0; number != 30; ++number) {
      ring.entry(number);
      io_uring_submit(&ring.ring);
    }
    CHECK(run.broke(Rule::grows_without_bound));
  }
  options = plain();
  options.allocations_limit = 100;
  for (const bool frees : {true, false}) {
    Run run(options);
    std::deque<int*> kept;
    for (int number = 0; number != 400; ++number) {
      kept.push_back(new int(number));
      if (!frees || kept.size() < 10) continue;
      delete kept.front();
      kept.pop_front();
    }
    CHECK(run.broken.empty() == frees);
    for (const int* const one : kept) delete one;
  }
}

TEST_CASE("the nth allocation fails, once, and only where the program allocates") {
  Options options = plain();
  options.allocation_to_fail = 3;
  Run run(options);
  int failed_at = 0;
  std::vector<std::unique_ptr<int>> kept;
  {
    const ReliableMemory reliable;
    kept.reserve(10);
  }
  for (int number = 1; number <= 5; ++number) {
    try {
      kept.push_back(std::make_unique<int>(number));
    } catch (const std::bad_alloc&) {
      failed_at = number;
    }
  }
  CHECK(failed_at == 3);
  CHECK(counts().failed_allocations == 1);
  options.allocation_to_fail = 0;
  options.failed_allocations_percent = 50;
  begin(options);
  unsigned failures = 0;
  for (int number = 0; number != 100; ++number) {
    void* const one = ::operator new(8, std::nothrow);  // a new expression may be optimised away
    failures += one == nullptr;
    ::operator delete(one);
  }
  const ReliableMemory reliable;
  CHECK(failures > 25);
  CHECK(failures < 75);
}

TEST_CASE("the clock jumps forward, and time-outs fire; stalled cores run later") {
  Options options = slow();
  options.clock_jumps_percent = 100;
  {
    Run run(options);
    OpenRing ring;
    ring.entry(1);
    ring.wait(1);
    CHECK(time_nanoseconds() > 1'001'000'000);
    CHECK(history().find("the clock jumps by") != std::string::npos);
  }
  options = plain();
  options.stalled_cores_percent = 100;
  Run run(options);
  const auto work = [] { std::this_thread::sleep_for(std::chrono::microseconds(1)); };
  {
    const std::jthread other(work);
    work();
  }
  CHECK(history().find("stalls for") != std::string::npos);
  CHECK(end());
}

}  // namespace percore::sim::test
