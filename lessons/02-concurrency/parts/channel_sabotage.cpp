// The classic mistakes with channels and combinators, made on purpose.
#include "channel_sabotage.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <percore/combinators.hpp>
#include <percore/local_channel.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "child.hpp"
#include "work.hpp"

namespace lesson {
namespace {

constexpr int values = 1'000;

/// The mistake: a queue without a bound.
struct Unbounded {
  std::deque<int> queue;
  percore::Event filled;
  std::size_t longest = 0;
};
percore::Task<> produces(Unbounded& channel) {
  for (int value = 0; value < values; ++value) {
    channel.queue.push_back(value);
    channel.longest = std::max(channel.longest, channel.queue.size());
    channel.filled.set();
    co_await percore::yield();
  }
}
percore::Task<> consumes(Unbounded& channel) {
  for (int taken = 0; taken < values; ++taken) {
    if (channel.queue.empty()) {
      channel.filled.reset();
      co_await channel.filled.wait();
    }
    channel.queue.pop_front();
    for (int work = 0; work < 3; ++work) co_await percore::yield();
  }
}
percore::Task<> produces(percore::LocalChannel<int>& channel, std::size_t& longest) {
  for (int value = 0; value < values; ++value) {
    static_cast<void>(co_await channel.send(value));
    longest = std::max(longest, channel.size());
    co_await percore::yield();
  }
  channel.close();
}
percore::Task<> consumes(percore::LocalChannel<int>& channel) {
  for (;;) {
    const auto value = co_await channel.receive();
    if (!value) co_return;
    for (int work = 0; work < 3; ++work) co_await percore::yield();
  }
}

/// The mistake: nobody says that no more will come.
void forget_to_close() {
  percore::Executor executor;
  executor.run([]() -> percore::Task<> {
    percore::LocalChannel<int> channel(4);
    auto consumer = percore::spawn(consumes(channel));
    for (int value = 0; value < 3; ++value) static_cast<void>(co_await channel.send(value));
    co_await consumer;
  }());
}

struct Shared {
  explicit Shared(bool& is_alive) : alive(is_alive) { alive = true; }
  ~Shared() { alive = false; }
  bool& alive;
};
percore::Task<> rests(int yields) {
  for (int i = 0; i < yields; ++i) co_await percore::yield();
}
percore::Task<> fails_soon() {
  co_await rests(1);
  throw std::runtime_error("the disk is full");
}
percore::Task<> uses(const bool& alive, std::string& seen) {
  co_await rests(5);
  seen = alive ? "alive" : "gone";
}
/// The mistake: an await for each handle, and out at the first exception.
percore::Task<> awaits_in_turn(percore::Task<> first, percore::Task<> second) {
  auto one = percore::spawn(std::move(first));
  auto two = percore::spawn(std::move(second));
  co_await one;
  co_await two;
}
percore::Task<> awaits_all(percore::Task<> first, percore::Task<> second) {
  static_cast<void>(co_await percore::when_all(std::move(first), std::move(second)));
}
using Both = percore::Task<> (*)(percore::Task<>, percore::Task<>);
percore::Task<> uses_shared(Both both, std::string& seen) {
  bool alive = false;
  try {
    const Shared shared(alive);
    co_await both(fails_soon(), uses(alive, seen));
  } catch (const std::runtime_error&) {
  }
  co_await rests(10);
}

struct Fires : percore::Timer {
  explicit Fires(percore::Event& its_event)
      : Timer([](percore::Timer& self) noexcept {
          auto& fires = static_cast<Fires&>(self);
          fires.fired = true;
          fires.event.set();
        }),
        event(its_event) {}
  percore::Event& event;
  bool fired = false;
};
percore::Task<int> answers() {
  co_return 42;
}
percore::Task<> runs(percore::Task<int> task, std::shared_ptr<std::pair<percore::Event, int>> end) {
  end->second = co_await std::move(task);
  end->first.set();
}
/// The mistake: it asks whether the timer has fired before it asks whether there is a result.
percore::Task<percore::Result<int>> gives_up_first(percore::Task<int> task,
                                                   percore::Time deadline) {
  auto end = std::make_shared<std::pair<percore::Event, int>>();
  percore::spawn(runs(std::move(task), end)).detach();
  Fires timer(end->first);
  percore::timers().arm(timer, deadline);
  co_await end->first.wait();
  // As if the thread had been busy elsewhere: now the deadline has passed as well.
  percore::timers().fire_due(deadline);
  percore::timers().cancel(timer);
  if (timer.fired) co_return std::unexpected(std::make_error_code(std::errc::timed_out));
  co_return end->second;
}

std::string in_words(const percore::Result<int>& result) {
  return result ? fmt::format("the answer, {}", *result) : result.error().message();
}

}  // namespace

void unbounded(percore::Executor& executor) {
  fmt::print("{} values; the consumer needs four turns for each, the producer one\n\n", values);
  Unbounded heap;
  executor.run([](Unbounded& channel) -> percore::Task<> {
    auto producer = percore::spawn(produces(channel));
    co_await consumes(channel);
    co_await producer;
  }(heap));
  fmt::print("  {:<36}{:>5} at most in it\n", "a queue without a bound", heap.longest);
  std::size_t longest = 0;
  executor.run([](std::size_t& its_longest) -> percore::Task<> {
    percore::LocalChannel<int> channel(8);
    auto producer = percore::spawn(produces(channel, its_longest));
    co_await consumes(channel);
    co_await producer;
  }(longest));
  fmt::print("  {:<36}{:>5} at most in it\n", "LocalChannel(8)", longest);
  fmt::print(
      "\nWhat happened: nobody held the producer back, so all that the consumer was behind lay in "
      "memory. A full\n"
      "channel lets its sender wait: that is back-pressure. This is L2.\n");
}

void forgotten_close() {
  fmt::print("{}\n", last_words(forget_to_close));
  fmt::print(
      "\nWhat happened: the consumer had taken all there was, and waited for more; the producer "
      "had "
      "ended and had\n"
      "not said so. close() tells those who wait. This is L4.\n");
}

void leaves_early(percore::Executor& executor) {
  fmt::print("two tasks use an object of their caller; one fails soon, one looks later\n\n");
  std::string seen;
  executor.run(uses_shared(awaits_in_turn, seen));
  fmt::print("  {:<36}the object was {}\n", "co_await one; co_await two", seen);
  executor.run(uses_shared(awaits_all, seen));
  fmt::print("  {:<36}the object was {}\n", "co_await when_all(one, two)", seen);
  fmt::print(
      "\nWhat happened: the first exception took the caller away, and its object, while the other "
      "task ran on and\n"
      "held a reference to it. Wait for all, then throw. This is C1.\n");
}

void late_result(percore::Executor& executor) {
  fmt::print("the answer and the deadline are there by the time that the caller goes on\n\n");
  const percore::Time deadline = percore::now() + milliseconds(1'000);
  fmt::print("  {:<36}{}\n", "asks the timer first",
             in_words(executor.run(gives_up_first(answers(), deadline))));
  fmt::print("  {:<36}{}\n", "with_timeout",
             in_words(executor.run(percore::with_timeout(answers(), percore::now()))));
  fmt::print(
      "\nWhat happened: the work was done, and its result thrown away. A late answer is an answer; "
      "had it been an\n"
      "open file, it would be lost and never closed. This is C4.\n");
}

}  // namespace lesson
