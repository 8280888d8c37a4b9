#include "death.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>
#include <percore/sync.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace percore;

namespace {

Task<> takes(Semaphore& semaphore, std::size_t units, char name, std::string& order) {
  co_await semaphore.acquire(units);
  order += name;
}

Task<> fair_with_units() {
  Semaphore semaphore(2);
  std::string order;
  std::vector<JoinHandle<void>> handles;
  CHECK(semaphore.try_acquire(2));
  handles.push_back(spawn(takes(semaphore, 3, 'a', order)));
  handles.push_back(spawn(takes(semaphore, 1, 'b', order)));
  handles.push_back(spawn(takes(semaphore, 2, 'c', order)));
  co_await yield();
  CHECK(semaphore.waiting() == 3);
  semaphore.release(2);
  CHECK_FALSE(semaphore.try_acquire(1));  // two are in hand, but somebody waits
  co_await yield();
  CHECK(order.empty());  // nobody overtakes the one who wants three
  semaphore.release(1);
  CHECK(semaphore.waiting() == 2);
  CHECK(semaphore.available() == 0);  // handed over, not offered
  co_await yield();
  CHECK(order == "a");
  semaphore.release(3);
  co_await yield();
  CHECK(order == "abc");
  CHECK(semaphore.available() == 0);
  for (auto& handle : handles) co_await handle;
}

Task<> works(Semaphore& semaphore, std::size_t units, std::size_t& inside, std::size_t limit) {
  for (int i = 0; i < 10; ++i) {
    SemaphoreUnits held = co_await semaphore.hold(units);
    CHECK(held.count() == units);
    inside += units;
    REQUIRE(inside <= limit);
    co_await yield();
    inside -= units;
  }
}

Task<> never_more_than_there_are() {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    const std::size_t limit = 1 + random() % 5;
    Semaphore semaphore(limit);
    std::size_t inside = 0;
    std::vector<JoinHandle<void>> handles;
    for (int i = 0; i < 20; ++i)
      handles.push_back(spawn(works(semaphore, 1 + random() % limit, inside, limit)));
    for (auto& handle : handles) co_await handle;
    CHECK(semaphore.available() == limit);
    CHECK(semaphore.waiting() == 0);
  }
}

Task<> units_move() {
  Semaphore semaphore(3);
  {
    SemaphoreUnits first = co_await semaphore.hold(2);
    SemaphoreUnits second = std::move(first);
    CHECK(semaphore.available() == 1);
    second.release();
    second.release();
    CHECK(semaphore.available() == 3);
    second = co_await semaphore.hold(1);
  }
  CHECK(semaphore.available() == 3);
}

Task<> waits(Event& event, int& woken) {
  co_await event.wait();
  ++woken;
}

Task<> events() {
  Event event;
  int woken = 0;
  auto first = spawn(waits(event, woken));
  auto second = spawn(waits(event, woken));
  co_await yield();
  CHECK(woken == 0);
  event.set();
  event.reset();  // S4: both were woken all the same
  CHECK(woken == 0);
  co_await yield();
  CHECK(woken == 2);
  auto third = spawn(waits(event, woken));
  co_await yield();
  CHECK(woken == 2);
  event.set();
  co_await third;
  co_await event.wait();  // and again, at once
  CHECK(event.is_set());
  co_await first;
  co_await second;
}

Task<> stays_inside(Gate& gate, Event& leave) {
  auto pass = gate.enter();
  CHECK(pass.has_value());
  co_await leave.wait();
}

Task<> closes(Gate& gate, bool& closed) {
  co_await gate.close();
  closed = true;
}

Task<> gates() {
  Gate gate;
  Event leave;
  bool closed = false;
  {
    const auto in_and_out = gate.enter();
    CHECK(gate.inside() == 1);
  }
  auto a = spawn(stays_inside(gate, leave));
  auto b = spawn(stays_inside(gate, leave));
  co_await yield();
  CHECK(gate.inside() == 2);
  auto closing = spawn(closes(gate, closed));
  co_await yield();
  CHECK(gate.closed());
  CHECK_FALSE(closed);
  const auto late = gate.enter();
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error() == std::errc::operation_canceled);
  leave.set();
  co_await closing;
  CHECK(gate.inside() == 0);
  co_await gate.close();
  co_await a;
  co_await b;
}

}  // namespace

TEST_CASE("a semaphore serves in the order of coming, whatever they want") {
  Executor executor;
  executor.run(fair_with_units());
}

TEST_CASE("no more units are out than there are") {
  Executor executor;
  executor.run(never_more_than_there_are());
}

TEST_CASE("units are released once, by whoever holds them last") {
  Executor executor;
  executor.run(units_move());
}

TEST_CASE("an event wakes all who wait, and lets through while it is set") {
  Executor executor;
  executor.run(events());
}

TEST_CASE("a closed gate lets nobody in, and close() waits for the last one inside") {
  Executor executor;
  executor.run(gates());
}

namespace {

void semaphore_dies_with_a_waiter() {
  Executor executor;
  executor.run([]() -> Task<> {
    std::string order;
    auto semaphore = std::make_unique<Semaphore>(0);
    auto waiter = spawn(takes(*semaphore, 1, 'a', order));
    co_await yield();
    semaphore.reset();
    co_await waiter;
  }());
}

void gate_dies_with_somebody_inside() {
  auto gate = std::make_unique<Gate>();
  const auto pass = gate->enter();
  gate.reset();
}

}  // namespace

TEST_CASE("what is still waited for must not be destroyed") {
  CHECK(test::death_of(semaphore_dies_with_a_waiter).has_a_sentence("while a task waits for it"));
  CHECK(test::death_of(gate_dies_with_somebody_inside).has_a_sentence("while somebody is inside"));
}
