// A sleeping flag and a parking place: the sleeper says that it sleeps, looks once more, sleeps;
// the waker publishes, then rings only where somebody sleeps.

#include "outcome.hpp"
#include "samples.hpp"

#include <percore/explore.hpp>

#include <doctest/doctest.h>

using namespace percore;
namespace explore = percore::explore;

namespace {

// A producer of two items over a queue with a doorbell, a consumer that waits for both.
explore::Outcome doorbell_explored(const DoorbellProtocol& protocol,
                                   const explore::Options& options = {}) {
  return explore::explore(options, [&](explore::Threads& threads) {
    SampleQueue<explore::Tracked, 2> queue({});
    SampleDoorbell doorbell(protocol);
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        explore::require(queue.try_push(i), "the queue had no room for item {}", i);
        doorbell.ring();
      }
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        auto item = queue.try_pop();
        while (!item) {
          doorbell.wait([&] { return queue.has_items(); });
          item = queue.try_pop();
        }
        explore::require(item->value() == i, "item {} came in place of {}", *item, i);
      }
    });
    threads.run();
  });
}

}  // namespace

TEST_CASE("a doorbell with fences and a second look never loses a wake-up") {
  const auto outcome = doorbell_explored({});
  CHECK_MESSAGE(outcome.passed(), outcome.sentence, "\n", outcome.history);
  MESSAGE(outcome.summary());
}

TEST_CASE("without the second look a wake-up is lost, as a plain interleaving") {
  const auto outcome = doorbell_explored({.second_look = false});
  CHECK(outcome.wrong == explore::Wrong::lost_wakeup);
  CHECK(outcome.sentence == "consumer sleeps, and nobody is left who would end the wait");
  CHECK_MESSAGE(says(outcome, "sleeps in parking_, for ever"), outcome.history);
  CHECK_MESSAGE(!says(outcome, "stale"), outcome.history);
}

TEST_CASE("a look before the flag is set does not count: the item may come between the two") {
  const auto outcome = doorbell_explored({.look_before_flag = true});
  CHECK(outcome.wrong == explore::Wrong::lost_wakeup);
  CHECK_MESSAGE(!says(outcome, "stale"), outcome.history);
}

TEST_CASE("without either fence a wake-up is lost by a stale read") {
  constexpr auto NONE = std::memory_order_relaxed, WEAK = std::memory_order_acq_rel;
  for (const auto& [sleeper, waker] :
       {std::pair(NONE, std::memory_order_seq_cst), std::pair(std::memory_order_seq_cst, NONE),
        std::pair(NONE, NONE), std::pair(WEAK, WEAK), std::pair(WEAK, std::memory_order_seq_cst)}) {
    const auto outcome = doorbell_explored({.sleeper_fence = sleeper, .waker_fence = waker});
    CHECK(outcome.wrong == explore::Wrong::lost_wakeup);
    CHECK_MESSAGE(says(outcome, "^ stale: "), outcome.history);
  }
}

TEST_CASE("a seq_cst flag alone is not enough: the look at the queue is not part of S") {
  const auto outcome = doorbell_explored({.sleeper_fence = std::memory_order_relaxed,
                                          .waker_fence = std::memory_order_relaxed,
                                          .flag = std::memory_order_seq_cst});
  CHECK(outcome.wrong == explore::Wrong::lost_wakeup);
}
