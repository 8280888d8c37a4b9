// Several threads under the baton: the same seed is the same interleaving, whoever blocks hands
// over, and a program in which nobody can go on is told so.

#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <latch>
#include <mutex>
#include <semaphore>
#include <set>
#include <shared_mutex>
#include <thread>

#include "fixture.hpp"
#include "threads_fixture.hpp"

namespace percore::sim::test {

namespace {

// One side of a conversation: waits for its own bell, rings the other's.
void converse(Bell& mine, const Bell& other, unsigned rounds, bool begins) {
  OpenRing ring(8, deferred_flags);
  for (unsigned round = 0; round != rounds; ++round) {
    if (begins) other.ring();
    do mine.arm(ring.ring, 1);
    while (wait_for_one(ring.ring) != sizeof mine.count);
    if (!begins) other.ring();
  }
}

// Two threads that are ready most of the time.
void busy(Options options) {
  const Run run(std::move(options));
  const auto work = [] {
    OpenRing ring(8, deferred_flags);
    for (unsigned round = 0; round != 10; ++round) {
      ring.entry(round);
      ring.wait(1);
    }
  };
  std::jthread other(work);
  work();
}

struct Ended {
  std::uint64_t hash;
  Counts counts;
};

Ended ping_pong(Options options, unsigned rounds = 20) {
  Run run(std::move(options));
  {
    Bell ping, pong;
    std::jthread partner([&] { converse(ping, pong, rounds, false); });
    converse(pong, ping, rounds, true);
  }
  CHECK(run.broken.empty());
  CHECK(end());
  return {trace_hash(), counts()};
}

std::size_t events_of(Event::Kind kind) {
  std::size_t count = 0;
  for (const Event& event : record()) count += event.kind == kind;
  return count;
}

}  // namespace

TEST_CASE("two threads with a ring each talk by eventfds, and the same seed is the same run") {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Ended first = ping_pong(rough(seed)), second = ping_pong(rough(seed));
    CHECK(first.hash == second.hash);
    CHECK(first.counts.enters == second.counts.enters);
    hashes.insert(first.hash);
  }
  CHECK(hashes.size() == 60);
}

TEST_CASE("the record says which thread did what, and who made whom ready") {
  ping_pong(gentle(3));
  CHECK(events_of(Event::Kind::thread_started) == 1);
  CHECK(events_of(Event::Kind::thread_ended) == 1);
  CHECK(events_of(Event::Kind::woken) >= 20);
  CHECK(events_of(Event::Kind::switched) >= 40);
  std::set<std::uint32_t> lanes;
  for (const Event& event : record()) {
    if (event.kind == Event::Kind::posted) lanes.insert(event.executor);
    if (event.kind == Event::Kind::posted) CHECK(event.ring != 0);
  }
  CHECK(lanes == std::set<std::uint32_t>{0, 1});
  CHECK(history().find("the baton goes to thread 1") != std::string::npos);
}

TEST_CASE(
    "mutexes, condition variables, latches, barriers, semaphores: whoever blocks hands over") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Options options = rough(seed);
    options.preempt_at_locks = true;
    Run run(options);
    {
      std::mutex mutex;
      std::condition_variable changed;
      int turn = 0, sum = 0;
      std::latch begin_together(4);
      std::barrier half(4);
      std::counting_semaphore<8> places(2);
      sem_t classic;
      sem_init(&classic, 0, 1);
      std::shared_mutex shared;
      const auto work = [&](int number) {
        begin_together.arrive_and_wait();
        for (int round = 0; round < 3; ++round) {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return turn % 4 == number; });
          ++turn;
          changed.notify_all();
        }
        half.arrive_and_wait();
        places.acquire();
        sem_wait(&classic);
        preemption_point();
        sem_post(&classic);
        places.release();
        const std::unique_lock lock(shared);
        const int seen = sum;
        preemption_point();
        sum = seen + number;
      };
      std::vector<std::jthread> threads;
      for (int number = 0; number < 4; ++number) threads.emplace_back(work, number);
      threads.clear();
      CHECK(turn == 12);
      CHECK(sum == 6);
      sem_destroy(&classic);
    }
    CHECK(run.broken.empty());
    CHECK(end());
  }
}

TEST_CASE("an unprotected counter loses counts with some seeds, and with no seed when protected") {
  const auto lost = [](std::uint64_t seed, bool with_lock) {
    Run run(gentle(seed));
    std::atomic<int> counter = 0;
    std::mutex mutex;
    const auto count = [&] {
      for (int i = 0; i < 10; ++i) {
        std::unique_lock lock(mutex, std::defer_lock);
        if (with_lock) lock.lock();
        const int seen = counter.load(std::memory_order_relaxed);
        preemption_point();
        counter.store(seen + 1, std::memory_order_relaxed);
      }
    };
    {
      const std::jthread other(count);
      count();
    }
    CHECK(end());
    return counter != 20;
  };
  int bad = 0, good = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    bad += lost(seed, false);
    good += lost(seed, true);
  }
  CHECK(bad > 10);
  CHECK(good == 0);
}

TEST_CASE("sleeps and time-outs of threads are virtual, and wake in the order of their times") {
  const auto real_start = std::chrono::system_clock::now();
  const Run run(gentle(1));
  const auto start = std::chrono::steady_clock::now();
  std::vector<int> order;
  std::mutex mutex;
  std::condition_variable never_signalled;
  {
    std::vector<std::jthread> threads;
    for (const int seconds : {30, 10, 20}) {
      threads.emplace_back([&, seconds] {
        std::this_thread::sleep_for(std::chrono::seconds(seconds));
        order.push_back(seconds);
      });
    }
    std::unique_lock lock(mutex);
    CHECK(never_signalled.wait_for(lock, std::chrono::seconds(15)) == std::cv_status::timeout);
    order.push_back(15);
  }
  CHECK(order == std::vector<int>{10, 15, 20, 30});
  const auto passed = std::chrono::steady_clock::now() - start;
  CHECK(passed >= std::chrono::seconds(30));
  CHECK(passed < std::chrono::seconds(31));
  CHECK(real_start.time_since_epoch().count() != 0);
}

TEST_CASE("a spinning thread lets others run") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Options options = gentle(seed);
    options.switch_limit = seed % 2 == 0 ? 0 : 1'000'000;
    const Run run(options);
    std::atomic<bool> go = false;
    const std::jthread other([&] { go.store(true); });
    while (!go.load()) std::this_thread::yield();
    CHECK(go.load());
  }
}

TEST_CASE("switches are numbered; suppressed, they do not happen, and a limit ends them") {
  const auto switches = [](Options options) {
    options.preemption_percent = 50;
    busy(std::move(options));
    std::set<std::uint64_t> numbers;
    for (const Event& event : record()) {
      if (event.kind == Event::Kind::switched && event.offset != 0) numbers.insert(event.offset);
    }
    return numbers;
  };
  Options options = plain(4);
  const auto all = switches(options);
  REQUIRE(all.size() > 3);
  options.suppressed_switches = {*all.begin()};
  CHECK(switches(options).count(*all.begin()) == 0);
  options.suppressed_switches = {};
  options.only_switches = {*all.begin()};
  CHECK(switches(options) == std::set<std::uint64_t>{*all.begin()});
  options.only_switches = std::nullopt;
  options.switch_limit = 0;
  CHECK(switches(options).empty());
  CHECK(counts().switches > 0);
}

TEST_CASE("all sleep and nothing can wake them: told with who sleeps where") {
  Run run(plain());
  std::string sentence;
  set_violation_handler(
      [](const Violation& violation, void* out) {
        if (static_cast<std::string*>(out)->empty())
          *static_cast<std::string*>(out) = violation.sentence;
      },
      &sentence);
  int results[2] = {};
  {
    Bell never_rung;
    const auto wait = [&](int& out) {
      std::uint64_t count = 0;
      OpenRing ring;
      ring.read(1, never_rung.fd, &count, sizeof count, -1);
      out = io_uring_submit_and_wait(&ring.ring, 1);
      out = io_uring_submit_and_wait(&ring.ring, 1);
      never_rung.ring();
      ring.wait(1);
    };
    const std::jthread other([&] { wait(results[1]); });
    wait(results[0]);
  }
  CHECK(results[0] == -EDEADLK);
  CHECK(sentence.find("all threads wait, and nothing can wake any of them") != std::string::npos);
  CHECK(sentence.find("thread 0 in io_uring_enter on ring 1 for 1 completion") !=
        std::string::npos);
  CHECK(sentence.find("thread 1 in io_uring_enter on ring 2") != std::string::npos);
}

TEST_CASE("threads left at the end are told, and never run again") {
  Run run(plain());
  std::atomic<int> steps = 0;
  std::latch never(1);
  std::thread forgotten([&] {
    ++steps;
    never.wait();
    ++steps;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(steps == 1);
  CHECK_FALSE(end());
  CHECK(run.broke(Rule::thread_left));
  CHECK(last_violation()->sentence.find("thread 1 in an atomic's wait") != std::string::npos);
  begin(plain());
  forgotten.join();
  CHECK(steps == 1);
  CHECK(end());
}

TEST_CASE("a ring closed under a sleeping thread ends its wait") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Options options = slow(seed);
    options.allow_unfinished = true;
    const Run run(options);
    Bell never_rung;
    io_uring ring;
    REQUIRE(io_uring_queue_init(4, &ring, 0) == 0);
    std::uint64_t count = 0;
    int result = 0;
    std::jthread other([&] {
      io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
      io_uring_prep_read(sqe, never_rung.fd, &count, sizeof count, -1);
      io_uring_sqe_set_data64(sqe, 1);
      result = io_uring_submit_and_wait(&ring, 1);
      result = result >= 0 ? io_uring_submit_and_wait(&ring, 1) : result;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    io_uring_queue_exit(&ring);
    other.join();
    CHECK(result == -EBADF);
  }
}

TEST_CASE("the child of a fork goes on with one thread") {
  const Run run(plain());
  std::latch done(1);
  const std::jthread other([&] { done.wait(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    io_uring ring;
    bool whole = io_uring_queue_init(4, &ring, 0) == 0;
    io_uring_prep_nop(io_uring_get_sqe(&ring));
    whole = whole && io_uring_submit_and_wait(&ring, 1) == 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::_Exit(whole ? 7 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
  done.count_down();
}

TEST_CASE("four executors, many seeds: a token goes round") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CAPTURE(seed);
    Run run(rough(seed));
    {
      constexpr unsigned executors = 4, rounds = 5;
      Bell bells[executors];
      unsigned passes = 0;
      const auto work = [&](unsigned number) {
        OpenRing ring(8, deferred_flags);
        for (unsigned round = 0; round != rounds; ++round) {
          if (number != 0 || round != 0) {
            do bells[number].arm(ring.ring, 1);
            while (wait_for_one(ring.ring) != sizeof(std::uint64_t));
          }
          ++passes;
          bells[(number + 1) % executors].ring();
        }
      };
      std::vector<std::jthread> threads;
      for (unsigned number = 0; number != executors; ++number) threads.emplace_back(work, number);
      threads.clear();
      CHECK(passes == executors * rounds);
    }
    CHECK(run.broken.empty());
    CHECK(end());
  }
}

}  // namespace percore::sim::test
