// Checks as an exercise of lesson 05 has them, on the samples: each explores a module and states an
// invariant. check_program.py runs them.

#include "samples.hpp"

#include <percore/check.hpp>
#include <percore/explore.hpp>

using namespace percore;
namespace explore = percore::explore;

namespace {

void one_item(const QueueOrders& orders) {
  explore::check({}, [&](explore::Threads& threads) {
    SampleQueue<explore::Tracked, 2> queue(orders);
    threads.spawn("producer", [&] { queue.try_push(7); });
    threads.spawn("consumer", [&] {
      if (const auto item = queue.try_pop())
        check::require(item->value() == 7, "the consumer got {}", item->value());
    });
    threads.run();
  });
}

}  // namespace

PERCORE_ORACLE(lost_wakeup, "D1", "an item never waits beside a sleeping consumer",
               "Lesson 05, *The sleeping flag*");

PERCORE_CHECK("publish", slot_before_tail, "Q1", "a slot is written before it is published",
              "Lesson 05, *Publishing*", .seeds = 1, .faults = false, .ring = false) {
  one_item({});
}

PERCORE_CHECK("publish", relaxed_publish, "Q1", "a slot is written before it is published",
              "Lesson 05, *Publishing*", .seeds = 1, .faults = false, .ring = false) {
  one_item({.publish = std::memory_order_relaxed});
}

PERCORE_CHECK("sleep", nobody_rings, "Q2", "the queue is in order", "Lesson 05, *Order*",
              .seeds = 1, .faults = false, .ring = false) {
  explore::check({}, [&](explore::Threads& threads) {
    Parking parking;
    atomic<bool> sleeping{false};
    threads.spawn("producer", [&] {
      if (sleeping.load(std::memory_order_acquire)) parking.wake();
    });
    threads.spawn("consumer", [&] {
      sleeping.store(true, std::memory_order_release);
      parking.sleep();
    });
    threads.run();
  });
}
