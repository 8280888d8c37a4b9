#include "death.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <percore/local_channel.hpp>
#include <random>
#include <vector>

using namespace percore;

namespace {

using Boxed = std::unique_ptr<int>;

Task<> sends(LocalChannel<Boxed>& channel, int first, int count, std::vector<bool>& results) {
  for (int i = first; i < first + count; ++i) {
    const auto sent = co_await channel.send(std::make_unique<int>(i));
    results.push_back(sent.has_value());
    if (!sent) CHECK(sent.error() == std::errc::broken_pipe);
  }
}

Task<> receives_all(LocalChannel<Boxed>& channel, std::vector<int>& got) {
  for (;;) {
    const auto value = co_await channel.receive();
    if (!value) break;
    got.push_back(**value);
  }
  const auto again = co_await channel.receive();
  CHECK_FALSE(again.has_value());
}

Task<> back_pressure() {
  LocalChannel<Boxed> channel(2);
  std::vector<bool> results;
  auto sender = spawn(sends(channel, 0, 5, results));
  co_await yield();
  CHECK(channel.size() == 2);
  CHECK(results.size() == 2);  // the third waits
  Boxed extra = std::make_unique<int>(99);
  CHECK_FALSE(channel.try_send(extra));
  CHECK(extra != nullptr);
  for (int i = 0; i < 5; ++i) {
    const auto value = co_await channel.receive();
    REQUIRE(value.has_value());
    CHECK(**value == i);
    CHECK(channel.size() <= 2);
  }
  co_await sender;
  CHECK(results == std::vector<bool>(5, true));
  CHECK(channel.try_send(extra));
  CHECK(extra == nullptr);
}

Task<> closed_and_drained() {
  LocalChannel<Boxed> channel(2);
  std::vector<bool> results;
  std::vector<int> got;
  auto sender = spawn(sends(channel, 0, 4, results));
  co_await yield();
  channel.close();
  CHECK(channel.closed());
  co_await sender;
  CHECK(results == std::vector<bool>{true, true, false, false});
  co_await receives_all(channel, got);
  CHECK(got == std::vector<int>{0, 1});
}

Task<> receivers_wait() {
  LocalChannel<Boxed> channel(1);
  std::vector<int> first, second;
  std::vector<bool> results;
  auto a = spawn(receives_all(channel, first));
  auto b = spawn(receives_all(channel, second));
  co_await yield();
  auto sender = spawn(sends(channel, 0, 10, results));
  co_await sender;
  channel.close();
  co_await a;
  co_await b;
  CHECK(first.size() + second.size() == 10);
  CHECK(!first.empty());
  CHECK(!second.empty());
}

Task<> random_traffic() {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    LocalChannel<Boxed> channel(1 + random() % 4);
    std::vector<bool> results;
    std::vector<int> got;
    std::vector<JoinHandle<void>> senders;
    const int count = static_cast<int>(random() % 20);
    for (int i = 0; i < 3; ++i) senders.push_back(spawn(sends(channel, 100 * i, count, results)));
    auto receiver = spawn(receives_all(channel, got));
    for (auto& sender : senders) co_await sender;
    channel.close();
    co_await receiver;
    REQUIRE(got.size() == static_cast<std::size_t>(3 * count));
    int next[3] = {0, 100, 200};
    for (const int value : got) {
      int& expected = next[value / 100];
      REQUIRE(value == expected);
      ++expected;
    }
  }
}

}  // namespace

TEST_CASE("a sender waits while the channel is full") {
  Executor executor;
  executor.run(back_pressure());
}

TEST_CASE("a closed channel refuses and is drained") {
  Executor executor;
  executor.run(closed_and_drained());
}

TEST_CASE("receivers wait in turn and are told of the close") {
  Executor executor;
  executor.run(receivers_wait());
}

TEST_CASE("each value arrives once and in its sender's order") {
  Executor executor;
  executor.run(random_traffic());
}

TEST_CASE("values left in a channel are destroyed with it, wherever they lie") {
  const auto counted = std::make_shared<int>(0);
  {
    LocalChannel<std::shared_ptr<int>> channel(3);
    for (int round = 0; round < 5; ++round) {
      auto value = counted;
      CHECK(channel.try_send(value));
      if (round < 3) CHECK(channel.try_receive().has_value());
    }
    CHECK(counted.use_count() == 3);
  }
  CHECK(counted.use_count() == 1);
}

namespace {

void channel_dies_with_a_receiver() {
  Executor executor;
  executor.run([]() -> Task<> {
    std::vector<int> got;
    auto channel = std::make_unique<LocalChannel<Boxed>>(1);
    auto receiver = spawn(receives_all(*channel, got));
    co_await yield();
    channel.reset();
    co_await receiver;
  }());
}

}  // namespace

TEST_CASE("a channel that is still waited for must not be destroyed") {
  CHECK(test::death_of(channel_dies_with_a_receiver).has_a_sentence("while a task waits for it"));
}
