// What waiting for one another costs with the learner's module, beside ours. Shown after a pass.

#include <percore/sync.hpp>

#include "support.hpp"

using namespace checks;

namespace {

Task<> alone(percore::check::Run& run) {
  percore::Semaphore semaphore(1);
  run.count_from_here();
  for (int i = 0; i < 100; ++i) {
    co_await semaphore.acquire();
    semaphore.release();
  }
  run.count_to_here();
}
Task<> takes_turns(percore::Semaphore& semaphore, int times) {
  for (int i = 0; i < times; ++i) {
    const percore::SemaphoreUnits unit = co_await semaphore.hold();
    co_await percore::yield();
  }
}
Task<> in_turn(percore::check::Run& run) {
  percore::Semaphore semaphore(1);
  auto first = spawn(takes_turns(semaphore, 50));
  auto second = spawn(takes_turns(semaphore, 50));
  run.count_from_here();
  co_await first;
  co_await second;
  run.count_to_here();
}
Task<> waits(percore::Event& event, percore::Event& back) {
  for (int i = 0; i < 50; ++i) {
    co_await event.wait();
    event.reset();
    back.set();
  }
}
Task<> there_and_back(percore::check::Run& run) {
  percore::Event event, back;
  auto other = spawn(waits(event, back));
  co_await percore::yield();
  run.count_from_here();
  for (int i = 0; i < 50; ++i) {
    event.set();
    co_await back.wait();
    back.reset();
  }
  run.count_to_here();
  co_await other;
}

}  // namespace

PERCORE_MEASURE(a_free_unit, "a unit that is free", 100) {
  run_on_executor(alone(run));
}
PERCORE_MEASURE(a_unit_handed_over, "a unit handed over", 100) {
  run_on_executor(in_turn(run));
}
PERCORE_MEASURE(an_event, "an event, set and awaited", 100) {
  run_on_executor(there_and_back(run));
}
PERCORE_MEASURE(a_gate, "a gate, entered and left", 100) {
  percore::Gate gate;
  run.count_from_here();
  for (int i = 0; i < 100; ++i) {
    const auto pass = gate.enter();
    asm volatile("" : : "r"(&gate), "r"(&pass) : "memory");  // or the compiler counts for itself
  }
  run.count_to_here();
}
