#include "death.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <percore/timer.hpp>
#include <random>
#include <utility>
#include <vector>

using namespace percore;

namespace {

// Writes its number down when it fires.
struct NotedTimer : Timer {
  explicit NotedTimer(int its_number, std::vector<int>& its_fired)
      : Timer(&NotedTimer::note), number(its_number), fired(&its_fired) {}
  static void note(Timer& self) noexcept {
    auto& timer = static_cast<NotedTimer&>(self);
    timer.fired->push_back(timer.number);
    if (timer.then) timer.then->queue->cancel(*timer.then->victim);
  }
  struct Then {
    TimerQueue* queue;
    Timer* victim;
  };
  int number;
  std::vector<int>* fired;
  std::unique_ptr<Then> then;
};

}  // namespace

TEST_CASE("timers fire in the order of their deadlines, equal ones in the order of arming") {
  TimerQueue queue;
  std::vector<int> fired;
  NotedTimer a(1, fired), b(2, fired), c(3, fired), d(4, fired);
  queue.arm(a, Time{3'000});
  queue.arm(b, Time{1'000});
  queue.arm(c, Time{3'000});
  queue.arm(d, Time{2'999});
  CHECK(queue.size() == 4);
  CHECK(queue.earliest() == Time{1'000});
  CHECK(queue.fire_due(Time{999}) == 0);
  CHECK(queue.fire_due(Time{1'000}) == 1);
  CHECK(queue.earliest() <= Time{2'999});
  CHECK(queue.fire_due(Time{3'000}) == 3);
  CHECK(fired == std::vector<int>{2, 4, 1, 3});
  CHECK(queue.size() == 0);
  CHECK(queue.earliest() == Time::never());
  CHECK_FALSE(a.armed());
}

TEST_CASE("a timer is cancelled, also by another one of its own batch") {
  TimerQueue queue;
  std::vector<int> fired;
  NotedTimer a(1, fired), b(2, fired), c(3, fired);
  queue.arm(a, Time{10});
  queue.arm(b, Time{10});
  queue.arm(c, Time{10});
  CHECK(queue.cancel(c));
  CHECK_FALSE(queue.cancel(c));
  a.then = std::make_unique<NotedTimer::Then>(&queue, &b);
  CHECK(queue.fire_due(Time{10}) == 1);
  CHECK(fired == std::vector<int>{1});
  CHECK_FALSE(b.armed());
  CHECK(queue.size() == 0);
}

namespace {

struct Rearming : Timer {
  explicit Rearming(TimerQueue& its_queue)
      : Timer([](Timer& self) noexcept {
          auto& timer = static_cast<Rearming&>(self);
          ++timer.count;
          timer.queue.arm(timer, Time{0});
        }),
        queue(its_queue) {}
  TimerQueue& queue;
  int count = 0;
};

}  // namespace

TEST_CASE("what is armed while the queue fires waits for the next call, whatever its deadline") {
  TimerQueue queue;
  Rearming timer(queue);
  queue.arm(timer, Time{5});
  CHECK(queue.fire_due(Time{100}) == 1);
  CHECK(queue.fire_due(Time{100}) == 1);
  CHECK(timer.count == 2);
  queue.cancel(timer);
}

TEST_CASE("random arming, cancelling and firing agree with a sorted map") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    TimerQueue queue;
    std::vector<int> fired, expected;
    std::vector<std::unique_ptr<NotedTimer>> timers;
    std::multimap<std::int64_t, int> model;  // equal keys keep the order of their coming
    const unsigned spread = 1u << (random() % 20);
    std::int64_t now = static_cast<std::int64_t>(random() % 1'000'000'000'000);
    for (int step = 0; step < 300; ++step) {
      const auto what = random() % 8;
      if (what < 5) {
        const int number = static_cast<int>(timers.size());
        timers.push_back(std::make_unique<NotedTimer>(number, fired));
        const std::int64_t deadline = now + 1 + static_cast<std::int64_t>(random() % spread);
        queue.arm(*timers.back(), Time{deadline});
        model.emplace(deadline, number);
      } else if (what == 5 && !timers.empty()) {
        const int number = static_cast<int>(random() % timers.size());
        const auto found =
            std::ranges::find_if(model, [&](const auto& entry) { return entry.second == number; });
        CHECK(queue.cancel(*timers[static_cast<std::size_t>(number)]) == (found != model.end()));
        if (found != model.end()) model.erase(found);
      } else {
        now += static_cast<std::int64_t>(random() % (spread / 2 + 1));
        std::size_t due = 0;
        for (; !model.empty() && model.begin()->first <= now; model.erase(model.begin()), ++due)
          expected.push_back(model.begin()->second);
        CHECK(queue.fire_due(Time{now}) == due);
      }
      REQUIRE(queue.size() == model.size());
      if (!model.empty()) REQUIRE(queue.earliest() <= Time{model.begin()->first});
      if (model.empty()) REQUIRE(queue.earliest() == Time::never());
      REQUIRE(fired == expected);
    }
    for (const auto& timer : timers) queue.cancel(*timer);
  }
}

TEST_CASE("a million timers are armed and fired, each once and in order") {
  constexpr std::size_t count = 1'000'000;
  static std::int64_t last;
  static std::size_t seen;
  last = 0;
  seen = 0;
  struct Counted : Timer {
    Counted()
        : Timer([](Timer& self) noexcept {
            seen += self.deadline().nanoseconds >= last;
            last = self.deadline().nanoseconds;
          }) {}
  };
  const auto timers = std::make_unique<Counted[]>(count);
  TimerQueue queue;
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < count; ++i)
    queue.arm(timers[i], Time{static_cast<std::int64_t>(random() % 10'000'000'000)});
  std::size_t fired = 0;
  for (std::int64_t now = 0; fired < count; now += 1'000'000) fired += queue.fire_due(Time{now});
  CHECK(fired == count);
  CHECK(seen == count);
}

namespace {

Task<> sleeps(Time duration, std::vector<std::int64_t>& ends, Time start) {
  const auto slept = co_await sleep_for(duration);
  CHECK(slept.has_value());
  ends.push_back((now() - start).nanoseconds);
}

Task<> three_sleep() {
  std::vector<std::int64_t> ends;
  const Time start = now();
  auto third = spawn(sleeps(Time{3'000'000}, ends, start));
  auto first = spawn(sleeps(Time{1'000'000}, ends, start));
  auto second = spawn(sleeps(Time{2'000'000}, ends, start));
  co_await third;
  co_await first;
  co_await second;
  REQUIRE(ends.size() == 3);
  CHECK(ends[0] >= 1'000'000);
  CHECK(ends[1] >= 2'000'000);
  CHECK(ends[2] >= 3'000'000);
  CHECK(std::ranges::is_sorted(ends));
}

Task<> past_deadline(int& turns) {
  auto other = spawn([](int& count) -> Task<> {
    ++count;
    co_return;
  }(turns));
  const auto slept = co_await sleep_until(Time{0});
  CHECK(slept.has_value());
  CHECK(turns == 1);
  co_await other;
}

Task<> ticks() {
  const Time start = now();
  const Time period{200'000};
  Interval interval(period, start);
  std::uint64_t passed = 0;
  for (int i = 0; i < 5; ++i) {
    const auto tick = co_await interval.next();
    REQUIRE(tick.has_value());
    passed += *tick;
    const std::int64_t since = (now() - start).nanoseconds;
    CHECK(since >= static_cast<std::int64_t>(passed) * period.nanoseconds);
  }
  // Late by several periods: they are told at once, and the grid is kept.
  const Time late_until = now() + Time{900'000};
  while (now() < late_until) cpu_relax();
  const auto late = co_await interval.next();
  REQUIRE(late.has_value());
  CHECK(*late >= 4);
}

Task<> sleeps_until_cancelled(bool& cancelled) {
  const auto slept = co_await sleep_for(Time{3'600'000'000'000});
  cancelled = !slept.has_value() && slept.error() == std::errc::operation_canceled;
  const auto again = co_await sleep_for(Time{1});
  CHECK_FALSE(again.has_value());
}

Task<> leaves_a_sleeper(bool& cancelled) {
  spawn(sleeps_until_cancelled(cancelled)).detach();
  co_await sleep_for(Time{1'000});
}

}  // namespace

TEST_CASE("sleepers wake in the order of their deadlines and not too early") {
  Executor executor;
  executor.run(three_sleep());
}

TEST_CASE("a sleep until a moment that has passed still lets others go first") {
  Executor executor;
  int turns = 0;
  executor.run(past_deadline(turns));
}

TEST_CASE("an interval keeps its grid, also when its caller was late") {
  Executor executor;
  executor.run(ticks());
}

TEST_CASE("at the end of the executor a sleeper is told") {
  bool cancelled = false;
  {
    Executor executor;
    executor.run(leaves_a_sleeper(cancelled));
  }
  CHECK(cancelled);
  // Another executor on this thread, most likely at the same address: its timers are its own.
  Executor executor;
  executor.run(three_sleep());
}

TEST_CASE("an executor that only sleeps makes one system call a sleep") {
  Executor executor;
  executor.run([]() -> Task<> {
    for (int i = 0; i < 3; ++i) co_await sleep_for(Time{2'000'000});
  }());
  // One to sleep; near the deadline it looks without entering. An interrupted sleep costs another.
  CHECK(executor.ring().counts().enters >= 3);
  CHECK(executor.ring().counts().enters <= 9);
}

TEST_CASE("an armed timer must not be destroyed") {
  const auto death = test::death_of([] {
    TimerQueue queue;
    std::vector<int> fired;
    NotedTimer timer(1, fired);
    queue.arm(timer, Time{1});
  });
  CHECK(death.has_a_sentence("destroyed while armed"));
}
