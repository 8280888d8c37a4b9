// Task queues on virtual time, where "computing" moves the clock by a number that the seed has
// drawn: what each queue gets can be said exactly.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <percore/sim.hpp>
#include <percore/sync.hpp>
#include <percore/task_queue.hpp>
#include <percore/timer.hpp>
#include <random>
#include <string>
#include <vector>

#include "seeds.hpp"

using namespace percore;
using percore::test::seeds;

namespace {

constexpr std::int64_t us = 1000;
constexpr std::int64_t ms = 1000 * us;
// A look at the virtual clock takes 20 ns, and a turn makes a few besides the work.
constexpr std::int64_t looks_ns = 400;

struct Case {
  explicit Case(std::uint64_t seed) : random(seed) { sim::begin(sim::gentle(seed)); }
  ~Case() { CHECK(sim::end()); }
  std::int64_t from_to(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
  }
  std::mt19937_64 random;
};

// What is seen of each queue from outside, at every stretch of work.
struct Seen {
  TaskQueue* queue = nullptr;
  std::int64_t computed = 0;
  std::int64_t chunk_max = 0;
  double low = 0, high = 0;  // of what it ran a share, less that of the first queue
};

struct Machine {
  Case& drawn;
  std::vector<Seen> seen;
  std::int64_t until = 0;

  void look() {
    const auto a_share = [](const TaskQueue& queue) {
      return static_cast<double>(queue.statistics().time.nanoseconds) / queue.shares();
    };
    for (Seen& one : seen) {
      const double ahead = a_share(*one.queue) - a_share(*seen.front().queue);
      one.low = std::min(one.low, ahead);
      one.high = std::max(one.high, ahead);
    }
  }
};

Task<> computes(Machine& machine, std::size_t at, bool asks) {
  Seen& own = machine.seen[at];
  while (sim::time_nanoseconds() < machine.until) {
    machine.look();
    const std::int64_t chunk = machine.drawn.from_to(1, own.chunk_max);
    sim::advance(chunk);
    own.computed += chunk;
    if (asks)
      co_await yield_if_needed();
    else
      co_await yield();
  }
}

Task<> all_compute(Machine& machine, unsigned tasks) {
  std::vector<JoinHandle<void>> handles;
  for (std::size_t at = 0; at < machine.seen.size(); ++at)
    for (unsigned task = 0; task < tasks; ++task)
      handles.push_back(spawn_into(*machine.seen[at].queue, computes(machine, at, task % 2 == 0)));
  for (auto& handle : handles) co_await handle;
}

}  // namespace

TEST_CASE("busy queues depart from their shares by a quantum of each at most, at every moment") {
  for (std::uint64_t seed = 0; seed < seeds(200); ++seed) {
    CAPTURE(seed);
    Case drawn(seed);
    const std::int64_t quantum = drawn.from_to(20, 500) * us;
    Executor executor({.ring = {.entries = 8}});
    TaskQueues queues(executor, {.quantum = Time{quantum}});
    Machine machine{drawn, {}};
    const std::int64_t count = drawn.from_to(2, 5);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto shares =
          static_cast<unsigned>(seed % 3 == 0 && i == 0 ? 1000 : drawn.from_to(1, 1000));
      machine.seen.push_back({&queues.add({.name = "busy", .shares = shares})});
      machine.seen.back().chunk_max = drawn.from_to(1, 40) * us;
    }
    machine.until = sim::time_nanoseconds() + 40 * ms;
    executor.run(all_compute(machine, static_cast<unsigned>(drawn.from_to(1, 4))));
    const auto quantum_a_share = [&](const Seen& one) {
      return static_cast<double>(quantum + quantum / 8 + one.chunk_max + looks_ns) /
             one.queue->shares();
    };
    const Seen& first = machine.seen.front();
    for (const Seen& one : machine.seen) {
      const auto& statistics = one.queue->statistics();
      CHECK(one.computed > 0);
      CHECK(statistics.time.nanoseconds >= one.computed);
      CHECK(one.high - one.low <= quantum_a_share(one) + quantum_a_share(first));
    }
  }
}

TEST_CASE("a queue is charged for what its tasks compute, and not for looks at the ring or sleep") {
  Case drawn(1);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor);
  TaskQueue& queue = queues.add({.name = "sleepy"});
  const auto sleeps = []() -> Task<> {
    for (int i = 0; i < 50; ++i) {
      sim::advance(10 * us);
      const auto slept = co_await sleep_for(Time{1 * ms});
      CHECK(slept.has_value());
    }
  };
  const auto root = [](TaskQueue& into, Task<> task) -> Task<> {
    JoinHandle<void> handle = spawn_into(into, std::move(task));
    co_await handle;
  };
  executor.run(root(queue, sleeps()));
  CHECK(queue.statistics().time.nanoseconds >= 500 * us);
  CHECK(queue.statistics().time.nanoseconds <= 500 * us + 51 * looks_ns);
  CHECK(queue.statistics().wake_ups == 51);
  CHECK(queue.statistics().quanta == 51);
}

namespace {

Task<> is_served(Machine& machine, Time bound, std::int64_t work, std::int64_t pause,
                 std::int64_t& late_max) {
  while (sim::time_nanoseconds() < machine.until) {
    const Time deadline = now() + Time{pause};
    const auto slept = co_await sleep_until(deadline);
    CHECK(slept.has_value());
    const std::int64_t late = (now() - deadline).nanoseconds;
    late_max = std::max(late_max, late);
    CHECK(late <= bound.nanoseconds);
    sim::advance(work);
  }
}

Task<> urgent_beside_heavy(Machine& machine, TaskQueue& urgent, Time bound, std::int64_t work,
                           std::int64_t pause, std::int64_t& late_max) {
  JoinHandle<void> served = spawn_into(urgent, is_served(machine, bound, work, pause, late_max));
  co_await all_compute(machine, 3);
  co_await served;
}

}  // namespace

TEST_CASE("a queue with a bound is resumed within it, beside any number of busy ones") {
  for (std::uint64_t seed = 0; seed < seeds(200); ++seed) {
    CAPTURE(seed);
    Case drawn(seed);
    const Time bound{drawn.from_to(50, 500) * us};
    Executor executor({.ring = {.entries = 8}});
    TaskQueues queues(executor, {.quantum = Time{drawn.from_to(1, 10) * ms}});
    Machine machine{drawn, {}};
    const std::int64_t count = drawn.from_to(1, 4);
    for (std::int64_t i = 0; i < count; ++i) {
      machine.seen.push_back({&queues.add(
          {.name = "heavy", .shares = static_cast<unsigned>(drawn.from_to(1, 1000))})});
      machine.seen.back().chunk_max = bound.nanoseconds / 4;
    }
    // A tenth of the thread, where its share alone is more.
    TaskQueue& urgent = queues.add({.name = "urgent", .shares = 1000, .latency = bound});
    const std::int64_t pause = drawn.from_to(500, 2000) * us;
    machine.until = sim::time_nanoseconds() + 30 * ms;
    std::int64_t late_max = 0;
    executor.run(urgent_beside_heavy(machine, urgent, bound, pause / 10, pause, late_max));
    CHECK(urgent.statistics().bounds_missed == 0);
    CHECK(late_max > 0);
  }
}

TEST_CASE("a wake-up of a queue with a bound ends the running quantum") {
  Case drawn(5);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{3'600'000'000'000}});
  TaskQueue& urgent = queues.add({.name = "urgent", .latency = Time{3'600'000'000'000}});
  const auto waits = [](Event& event, int& answer) -> Task<> {
    co_await event.wait();
    answer = 1;
  };
  const auto root = [](Task<> (*wait)(Event&, int&), TaskQueue& queue) -> Task<> {
    Event event;
    int answer = 0;
    JoinHandle<void> waiting = spawn_into(queue, wait(event, answer));
    sim::advance(ms);
    CHECK(need_preempt());  // it has something to run
    co_await yield_if_needed();
    CHECK_FALSE(need_preempt());
    sim::advance(ms);  // more than the other has run, so that it is its turn
    event.set();
    CHECK(need_preempt());
    CHECK(answer == 0);
    co_await yield_if_needed();
    CHECK(answer == 1);
    co_await waiting;
  };
  executor.run(root(waits, urgent));
  CHECK(urgent.statistics().bounds_missed == 0);
}

TEST_CASE("a queue with a bound that wants more than its share waits as others do") {
  Case drawn(3);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{100 * us}});
  Machine machine{drawn, {}};
  for (const unsigned shares : {900U, 100U}) {
    machine.seen.push_back(
        {&queues.add({.name = "busy",
                      .shares = shares,
                      .latency = shares == 100 ? Time{200 * us} : Time::never()})});
    machine.seen.back().chunk_max = 10 * us;
  }
  machine.until = sim::time_nanoseconds() + 100 * ms;
  executor.run(all_compute(machine, 1));
  const auto ran = [&](std::size_t at) {
    return static_cast<double>(machine.seen[at].queue->statistics().time.nanoseconds);
  };
  CHECK(ran(0) / ran(1) == doctest::Approx(9).epsilon(0.03));
}

TEST_CASE("one share beside a thousand still gets its thousandth") {
  Case drawn(4);
  Executor executor({.ring = {.entries = 8}});
  TaskQueues queues(executor, {.quantum = Time{20 * us}});
  Machine machine{drawn, {}};
  for (const unsigned shares : {1000U, 1U}) {
    machine.seen.push_back({&queues.add({.name = "busy", .shares = shares})});
    machine.seen.back().chunk_max = 5 * us;
  }
  machine.until = sim::time_nanoseconds() + 300 * ms;
  executor.run(all_compute(machine, 1));
  CHECK(machine.seen[1].computed >= 200 * us);
  CHECK(machine.seen[1].computed <= 400 * us);
}
