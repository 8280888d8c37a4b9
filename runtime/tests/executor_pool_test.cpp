#include <doctest/doctest.h>

#include <pthread.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <percore/executor_pool.hpp>
#include <percore/placement.hpp>
#include <percore/timer.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

using namespace percore;

namespace {

std::vector<CpuSet> unbound(std::size_t count) {
  return place_unbound(Topology::of_this_machine().value(), count).value();
}

CpuSet own_affinity() {
  return allowed_cpus().value();
}

unsigned threads_called(std::string_view name) {
  unsigned count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string its_name;
    std::getline(std::ifstream(thread.path() / "comm"), its_name);  // empty: it has ended meanwhile
    if (its_name.starts_with(name)) ++count;
  }
  return count;
}

// A thread that has been joined is still listed for a moment: the kernel tells who joins before it
// takes the thread away.
bool come_to_their_end(std::string_view name) {
  for (int i = 0; i < 10'000; ++i) {
    if (threads_called(name) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

Task<std::size_t> gives_its_number(Shard& shard) {
  const auto slept = co_await sleep_for(Time{10'000});
  CHECK(slept.has_value());
  co_return shard.number() * 10;
}

Task<> waits_for_stop(Shard& shard, std::atomic<int>& waiting) {
  CHECK_FALSE(shard.stop_requested());
  ++waiting;
  co_await shard.stopped();
  CHECK(shard.stop_requested());
}

Task<> waits_beside_the_root(Shard& shard, bool& gone_on) {
  co_await shard.stopped();
  gone_on = true;
}

Task<> throws_while_another_waits(Shard& shard, bool& gone_on) {
  spawn(waits_beside_the_root(shard, gone_on)).detach();
  co_await yield();
  throw std::runtime_error("the root");
}

Task<> counts_itself(std::atomic<int>& ran) {
  ++ran;
  co_return;
}

Task<int> some_throw(Shard& shard) {
  if (shard.number() % 2 == 1) throw std::runtime_error("shard " + std::to_string(shard.number()));
  co_return 1;
}

}  // namespace

TEST_CASE("every member's value comes back, in their order") {
  ExecutorPool<std::size_t> pool(unbound(4), gives_its_number);
  CHECK(pool.size() == 4);
  const auto outcomes = pool.join();
  REQUIRE(outcomes.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(outcomes[i].value() == 10 * i);
}

TEST_CASE("an exception stops no other member") {
  ExecutorPool<int> pool(unbound(4), some_throw);
  const auto outcomes = pool.join();
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(outcomes[i].has_value() == (i % 2 == 0));
    if (outcomes[i].has_value()) continue;
    std::string words;
    try {
      std::rethrow_exception(outcomes[i].error());
    } catch (const std::runtime_error& error) {
      words = error.what();
    }
    CHECK(words == "shard " + std::to_string(i));
  }
}

TEST_CASE("who waits for stop() beside a root that ends goes on, and the root's outcome is told") {
  bool gone_on = false;
  ExecutorPool<void> pool(
      unbound(1), [&gone_on](Shard& shard) { return throws_while_another_waits(shard, gone_on); });
  const auto outcomes = pool.join();
  CHECK_THROWS_WITH(std::rethrow_exception(outcomes[0].error()), "the root");
  CHECK(gone_on);
}

TEST_CASE("a root that cannot be copied to its thread is that member's outcome") {
  struct Root {
    Root() = default;
    Root(Root&&) = default;
    Root(const Root& other) : made(other.made) {
      if (pthread_equal(made, pthread_self()) == 0) throw std::runtime_error("no copy");
    }
    Task<> operator()(Shard&) const { return nothing(); }
    static Task<> nothing() { co_return; }
    pthread_t made = pthread_self();
  };
  ExecutorPool<void> pool(unbound(2), Root{});
  for (const auto& outcome : pool.join()) {
    REQUIRE_FALSE(outcome.has_value());
    CHECK_THROWS_WITH(std::rethrow_exception(outcome.error()), "no copy");
  }
}

TEST_CASE("each thread is pinned to its place and named") {
  const Topology topology = Topology::of_this_machine().value();
  const auto places = place_spread(topology, topology.cpus().size()).value();
  PoolOptions options;
  options.name = "test";
  ExecutorPool<bool> pool(
      places,
      [](Shard& shard) -> Task<bool> {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        const std::string expected = "test-" + std::to_string(shard.number());
        co_return own_affinity() == shard.cpus() &&
            shard.cpus().contains(static_cast<unsigned>(sched_getcpu())) && name.data() == expected;
      },
      options);
  for (const auto& outcome : pool.join()) CHECK(outcome.value());
}

TEST_CASE("stop() wakes members that sleep, from another thread too") {
  std::atomic<int> waiting = 0;
  ExecutorPool<void> pool(unbound(3),
                          [&waiting](Shard& shard) { return waits_for_stop(shard, waiting); });
  std::thread([&pool] {
    pool.stop();
    pool.stop();
  }).join();
  for (const auto& outcome : pool.join()) CHECK(outcome.has_value());
  CHECK(waiting == 3);
}

TEST_CASE("the destructor stops and joins") {
  {
    std::atomic<int> waiting = 0;
    PoolOptions options;
    options.name = "joined";
    ExecutorPool<void> pool(
        unbound(2), [&waiting](Shard& shard) { return waits_for_stop(shard, waiting); }, options);
    while (waiting != 2) std::this_thread::yield();
    CHECK(threads_called("joined") == 2);
  }
  CHECK(come_to_their_end("joined"));
}

TEST_CASE("when one member cannot start, none runs and the reason is told") {
  PoolOptions options;
  options.name = "unstarted";
  std::atomic<int> ran = 0;
  std::vector<CpuSet> places = unbound(2);
  CpuSet nowhere;
  nowhere.add(cpus_max - 1);
  places.push_back(nowhere);
  std::string words;
  try {
    ExecutorPool<void> pool(places, [&ran](Shard&) { return counts_itself(ran); }, options);
  } catch (const std::system_error& error) {
    words = error.what();
  }
  CHECK(words.find("cannot be pinned to CPU 8191") != std::string::npos);
  CHECK(ran == 0);
  CHECK(come_to_their_end("unstarted"));
}

TEST_CASE("a member's task is made and destroyed on its own thread") {
  struct Witness {
    pthread_t made = pthread_self();
    ~Witness() { CHECK(pthread_equal(made, pthread_self()) != 0); }
  };
  ExecutorPool<void> pool(unbound(2), [](Shard&) -> Task<> {
    const auto witness = std::make_unique<Witness>();
    co_await yield();
    CHECK(pthread_equal(witness->made, pthread_self()) != 0);
  });
  for (const auto& outcome : pool.join()) CHECK(outcome.has_value());
}
