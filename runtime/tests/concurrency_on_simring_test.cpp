// The modules of lesson 02 on the simulated ring: its clock says exactly when, its counts how
// often, its seeds in which order.
#include <doctest/doctest.h>

#include <algorithm>
#include <count_instructions.hpp>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <percore/combinators.hpp>
#include <percore/local_channel.hpp>
#include <percore/sim.hpp>
#include <percore/sync.hpp>
#include <percore/timer.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "seeds.hpp"

using namespace percore;
using percore::test::seeds;

namespace {

constexpr Time us(std::int64_t microseconds) {
  return Time{microseconds * 1'000};
}

// Runs `make_root(random)` on an executor of its own for each seed, calm and rough in turn.
template <typename MakeRoot>
void over_seeds(MakeRoot make_root) {
  for (std::uint64_t seed = 0; seed < seeds(200); ++seed) {
    CAPTURE(seed);
    sim::begin(seed % 2 == 0 ? sim::gentle(seed) : sim::rough(seed));
    std::mt19937_64 random(seed);
    {
      Executor executor({.ring = {.entries = 8}});
      executor.run(make_root(random));
    }
    REQUIRE(sim::end());
  }
}

template <typename Root>
void once(Root root) {
  sim::begin(sim::gentle(0));
  {
    Executor executor({.ring = {.entries = 8}});
    executor.run(root());
  }
  REQUIRE(sim::end());
}

struct Quiet : Timer {
  Quiet() : Timer([](Timer&) noexcept {}) {}
};

// A queue with so many armed timers, and instructions to arm and cancel a hundred more.
struct Many {
  explicit Many(std::size_t armed) : others(armed), probes(100) {
    for (Quiet& timer : others) queue.arm(timer, deadline());
    for (std::size_t i = 0; i < probes.size(); ++i) deadlines.push_back(deadline());
  }
  ~Many() {
    for (Quiet& timer : others) queue.cancel(timer);
    for (Quiet& timer : probes) queue.cancel(timer);
  }
  Time deadline() { return Time{static_cast<std::int64_t>(random() % 10'000'000'000)}; }
  void arm_probes() {
    for (std::size_t i = 0; i < probes.size(); ++i) queue.arm(probes[i], deadlines[i]);
  }
  void cancel_probes() {
    for (Quiet& timer : probes) queue.cancel(timer);
  }
  std::mt19937_64 random{1};
  TimerQueue queue;
  std::vector<Quiet> others, probes;
  std::vector<Time> deadlines;
};

}  // namespace

TEST_CASE("D5: arming and cancelling take the same instructions among ten and among a million") {
  Many few(10), many(1'000'000);
  const auto arm = [](Many& timers) {
    return observe::count_instructions([] {}, [&] { timers.arm_probes(); });
  };
  const auto cancel = [](Many& timers) {
    return observe::count_instructions([&] { timers.arm_probes(); },
                                       [&] { timers.cancel_probes(); });
  };
  const auto arm_few = arm(few);
  if (!arm_few.counted()) {
    MESSAGE("not counted: " << arm_few.problem);
    return;
  }
  const auto arm_many = arm(many), cancel_few = cancel(few), cancel_many = cancel(many);
  MESSAGE("to arm: " << arm_few.instructions / 100 << " and " << arm_many.instructions / 100
                     << " instructions; to cancel: " << cancel_few.instructions / 100 << " and "
                     << cancel_many.instructions / 100);
  CHECK(arm_many.instructions <= 2 * arm_few.instructions);
  // A plain answer may have to tidy up behind a timer: a few others, not a million.
  CHECK(cancel_many.instructions <= 4 * cancel_few.instructions);
}

TEST_CASE("D5: to fire many timers costs each of them little more than to fire a few") {
  const auto fire = [](std::size_t count) {
    Many timers(count);
    return observe::count_instructions([] {},
                                       [&] {
                                         while (timers.queue.size() != 0)
                                           timers.queue.fire_due(timers.queue.earliest());
                                       });
  };
  const auto few = fire(20), many = fire(400);
  if (!few.counted() || !many.counted()) return;
  MESSAGE("to fire: " << few.instructions / 20 << " of 20, " << many.instructions / 400
                      << " of 400");
  CHECK(many.instructions / 400 <= 3 * few.instructions / 20);
}

TEST_CASE("D4: however many sleep, the ring is given one deadline, and no entry") {
  once([]() -> Task<> {
    const Time start = now() + us(1'000);
    std::vector<Task<>> sleepers;
    for (int i = 0; i < 200; ++i)
      sleepers.push_back([](Time deadline) -> Task<> {
        const auto slept = co_await sleep_until(deadline);
        CHECK(slept.has_value());
        CHECK(now() >= deadline);
        CHECK(now() < deadline + us(100));
      }(start + us(1'000 * (i % 10))));
    static_cast<void>(co_await when_all(std::move(sleepers)));
  });
  CHECK(sim::counts().submitted == 0);
  CHECK(sim::counts().enters <= 22);  // two for each of ten moments
}

TEST_CASE("D4: a deadline that is cancelled costs no more than one look that finds nothing") {
  once([]() -> Task<> {
    Quiet early;
    timers().arm(early, now() + us(100));
    timers().cancel(early);
    const Time start = now();
    const auto slept = co_await sleep_for(us(1'000));
    CHECK(slept.has_value());
    CHECK(now() - start < us(1'100));
  });
  CHECK(sim::counts().enters <= 4);
}

TEST_CASE("D6: a thousand ticks, with work between them, end where they should") {
  once([]() -> Task<> {
    const Time start = now();
    Interval interval(us(1'000), start);
    for (int tick = 1; tick <= 1'000; ++tick) {
      const auto passed = co_await interval.next();
      CHECK(passed == 1);
      const Time due = start + us(1'000 * tick);
      REQUIRE(now() >= due);
      REQUIRE(now() < due + us(50));
      sim::advance(tick * 700);  // up to 0.7 of a period
    }
  });
}

TEST_CASE("D1, D2: over seeds sleepers wake in their order, none too early") {
  struct Seen {
    std::vector<std::pair<Time, int>> woken;
  };
  over_seeds([](std::mt19937_64& random) -> Task<> {
    Seen seen;
    std::vector<std::pair<Time, int>> expected;
    std::vector<Task<>> sleepers;
    const Time start = now() + us(300);
    for (int i = 0; i < 30; ++i) {
      const Time deadline = start + us(static_cast<std::int64_t>(random() % 20) * 10);
      expected.emplace_back(deadline, i);
      sleepers.push_back([](Seen& its_seen, Time its_deadline, int number) -> Task<> {
        const auto slept = co_await sleep_until(its_deadline);
        CHECK(slept.has_value());
        CHECK(now() >= its_deadline);
        its_seen.woken.emplace_back(its_deadline, number);
      }(seen, deadline, i));
    }
    static_cast<void>(co_await when_all(std::move(sleepers)));
    std::ranges::sort(expected);  // equal ones by their number
    CHECK(seen.woken == expected);
  });
}

TEST_CASE("D7: sleepers without a deadline are told of the end as well") {
  static int told;
  told = 0;
  once([]() -> Task<> {
    for (int i = 0; i < 3; ++i)
      spawn([]() -> Task<> {
        const auto slept = co_await sleep_for(Time::never());
        told += slept.has_value() ? 0 : 1;
      }())
          .detach();
    const auto slept = co_await sleep_for(us(10));
    CHECK(slept.has_value());
  });
  CHECK(told == 3);
}

TEST_CASE("S1 to S3: over seeds units go round among tasks that sleep, and all come back") {
  over_seeds([](std::mt19937_64& random) -> Task<> {
    const std::size_t units = 1 + random() % 4;
    Semaphore semaphore(units);
    std::size_t inside = 0;
    std::vector<Task<>> tasks;
    for (int i = 0; i < 15; ++i)
      tasks.push_back([](Semaphore& its_semaphore, std::size_t wanted, std::size_t limit,
                         std::size_t& its_inside,
                         Time work) -> Task<> {
        for (int round = 0; round < 3; ++round) {
          const SemaphoreUnits held = co_await its_semaphore.hold(wanted);
          its_inside += wanted;
          CHECK(its_inside <= limit);
          const auto slept = co_await sleep_for(work);
          CHECK(slept.has_value());
          its_inside -= wanted;
        }
      }(semaphore, 1 + random() % units, units, inside,
                                    us(static_cast<std::int64_t>(random() % 50))));
    static_cast<void>(co_await when_all(std::move(tasks)));
    CHECK(semaphore.available() == units);
    CHECK(semaphore.waiting() == 0);
  });
}

TEST_CASE("L1, L4: over seeds a pipeline that is closed at some moment loses nothing it took") {
  over_seeds([](std::mt19937_64& random) -> Task<> {
    LocalChannel<std::unique_ptr<int>> channel(1 + random() % 4);
    int taken = 0, refused = 0, received = 0;
    std::vector<Task<>> tasks;
    for (int sender = 0; sender < 3; ++sender)
      tasks.push_back([](LocalChannel<std::unique_ptr<int>>& its_channel, Time pause,
                         int& its_taken, int& its_refused) -> Task<> {
        for (int i = 0; i < 10; ++i) {
          auto value = std::make_unique<int>(i);
          const auto sent = co_await its_channel.send(std::move(value));
          ++(sent ? its_taken : its_refused);
          if (!sent) CHECK(sent.error() == std::errc::broken_pipe);
          static_cast<void>(co_await sleep_for(pause));
        }
      }(channel, us(static_cast<std::int64_t>(random() % 30)), taken, refused));
    for (int receiver = 0; receiver < 2; ++receiver)
      tasks.push_back([](LocalChannel<std::unique_ptr<int>>& its_channel, Time pause,
                         int& its_received) -> Task<> {
        for (;;) {
          const auto value = co_await its_channel.receive();
          if (!value) break;
          CHECK(*value != nullptr);
          ++its_received;
          static_cast<void>(co_await sleep_for(pause));
        }
      }(channel, us(static_cast<std::int64_t>(random() % 30)), received));
    tasks.push_back([](LocalChannel<std::unique_ptr<int>>& its_channel, Time when) -> Task<> {
      static_cast<void>(co_await sleep_for(when));
      its_channel.close();
    }(channel, us(static_cast<std::int64_t>(random() % 400))));
    static_cast<void>(co_await when_all(std::move(tasks)));
    CHECK(taken + refused == 30);
    CHECK(received == taken);
    CHECK(channel.size() == 0);
  });
}

namespace {

Task<int> gives(int value, Time after, bool throws) {
  static_cast<void>(co_await sleep_for(after));
  if (throws) throw std::runtime_error(std::to_string(value));
  co_return value;
}

}  // namespace

TEST_CASE("C1: over seeds an exception in one of many comes when all have ended") {
  over_seeds([](std::mt19937_64& random) -> Task<> {
    std::vector<Task<int>> tasks;
    Time longest;
    int first = -1;
    for (int i = 0; i < 8; ++i) {
      const Time duration = us(static_cast<std::int64_t>(random() % 300));
      const bool throws = random() % 4 == 0;
      if (throws && first < 0) first = i;
      longest = std::max(longest, duration);
      tasks.push_back(gives(i, duration, throws));
    }
    const Time start = now();
    std::string thrown;
    try {
      const auto values = co_await when_all(std::move(tasks));
      CHECK(values == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
    } catch (const std::runtime_error& error) {
      thrown = error.what();
    }
    CHECK(thrown == (first < 0 ? "" : std::to_string(first)));
    CHECK(now() - start >= longest);
  });
}

TEST_CASE("C4: a deadline and its result in one turn: the result counts, and no timer is left") {
  once([]() -> Task<> {
    for (int between = 1; between <= 20; ++between) {
      auto busy = spawn([]() -> Task<> {
        co_await yield();
        co_await yield();
        sim::advance(1'000'000);  // both moments pass
      }());
      const Time deadline = now() + us(200);
      const auto answer = co_await with_timeout(gives(7, us(200 - between), false), deadline);
      CHECK(answer == 7);
      CHECK(timers().size() == 0);
      co_await busy;
    }
  });
}
