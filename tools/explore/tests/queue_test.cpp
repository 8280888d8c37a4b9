// A bounded queue of one producer and one consumer, right and with each of its memory orders
// weakened.

#include "outcome.hpp"
#include "samples.hpp"

#include <percore/explore.hpp>

#include <doctest/doctest.h>

using namespace percore;
namespace explore = percore::explore;

namespace {

// The producer tries to push three items, the consumer to pop three times.
explore::Outcome queue_explored(const QueueOrders& orders, const explore::Options& options = {}) {
  return explore::explore(options, [&](explore::Threads& threads) {
    SampleQueue<explore::Tracked, 2> queue(orders);
    unsigned pushed = 0;
    unsigned popped = 0;
    threads.spawn("producer", [&] {
      for (unsigned i = 0; i < 3; ++i)
        if (queue.try_push(pushed + 1)) ++pushed;
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 0; i < 3; ++i) {
        const auto item = queue.try_pop();
        if (!item) continue;
        explore::require(item->value() == popped + 1, "item {} came in place of {}", *item,
                         popped + 1);
        ++popped;
      }
    });
    threads.run();
    while (queue.try_pop()) ++popped;
    explore::require(popped == pushed, "{} items were pushed and {} popped", pushed, popped);
  });
}

}  // namespace

TEST_CASE("the right queue passes, to three preemptions and to any number") {
  const auto bounded = queue_explored({});
  CHECK_MESSAGE(bounded.passed(), bounded.sentence, "\n", bounded.history);
  CHECK(bounded.preemptions == 3);
  const auto all = queue_explored({}, {.preemptions = explore::Options::ALL});
  CHECK(all.passed());
  CHECK(all.every_schedule);
  MESSAGE(bounded.summary(), "; ", all.summary());
}

TEST_CASE("a relaxed publish: the consumer takes a slot that was never handed to it") {
  const auto outcome = queue_explored({.publish = RELAXED});
  CHECK(outcome.wrong == explore::Wrong::race);
  CHECK(outcome.sentence ==
        "consumer writes memory that producer uses, with nothing that orders the two");
  CHECK(says(outcome, "writes tail_ = 1 (relaxed)  samples.hpp:"));
  CHECK(says(outcome, "reads tail_ = 1 (acquire)  samples.hpp:"));
  CHECK(says(outcome, "slot A gives away 1: RACE"));
  CHECK_MESSAGE(!says(outcome, "   8  "), outcome.history);  // told in seven steps
}

TEST_CASE("a relaxed look at the tail acquires nothing") {
  const auto outcome = queue_explored({.see_items = RELAXED});
  CHECK(outcome.wrong == explore::Wrong::race);
  CHECK(says(outcome, "reads tail_ = 1 (relaxed)"));
}

TEST_CASE("a relaxed head: the producer writes into a slot that is still being read") {
  for (const QueueOrders& orders :
       {QueueOrders{.release_slot = RELAXED}, QueueOrders{.see_room = RELAXED}}) {
    const auto outcome = queue_explored(orders);
    CHECK(outcome.wrong == explore::Wrong::race);
    CHECK(outcome.sentence ==
          "producer writes memory that consumer uses, with nothing that orders the two");
    CHECK_MESSAGE(says(outcome, "slot A = 3: RACE"), outcome.history);
  }
}

TEST_CASE("a losing schedule shows the same execution again") {
  const auto outcome = queue_explored({.publish = RELAXED});
  const auto again = queue_explored({.publish = RELAXED}, {.schedule = outcome.schedule});
  CHECK(again.wrong == outcome.wrong);
  CHECK(again.sentence == outcome.sentence);
  CHECK(again.history == outcome.history);
  CHECK(again.executions == 1);
  // On the mended queue nothing is wrong with it.
  CHECK(queue_explored({}, {.schedule = outcome.schedule}).passed());
}
