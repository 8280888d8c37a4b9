// Explores a sample and prints what came of it:
//     explore_demo right | relaxed-publish | relaxed-head | no-second-look | no-fence

#include "samples.hpp"

#include <percore/explore.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace percore;
namespace explore = percore::explore;

namespace {

explore::Options chosen() {
  const char* schedule = std::getenv("PERCORE_SCHEDULE");
  return {.schedule = schedule != nullptr ? schedule : ""};
}

// Three items through a queue of two.
explore::Outcome queue_with(const QueueOrders& orders) {
  return explore::explore(chosen(), [&](explore::Threads& threads) {
    SampleQueue<explore::Tracked, 2> queue(orders);
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 3; ++i) queue.try_push(i);
    });
    threads.spawn("consumer", [&] {
      std::uint64_t last = 0;
      for (unsigned i = 1; i <= 3; ++i) {
        const auto item = queue.try_pop();
        if (!item) continue;
        explore::require(item->value() > last, "item {} came after item {}", *item, last);
        last = item->value();
      }
    });
    threads.run();
  });
}

// One item for a consumer that sleeps until it is there.
explore::Outcome doorbell_with(const DoorbellProtocol& protocol) {
  return explore::explore(chosen(), [&](explore::Threads& threads) {
    SampleQueue<explore::Tracked, 2> queue({});
    SampleDoorbell doorbell(protocol);
    threads.spawn("producer", [&] {
      queue.try_push(7);
      doorbell.ring();
    });
    threads.spawn("consumer", [&] {
      while (!queue.try_pop()) doorbell.wait([&] { return queue.has_items(); });
    });
    threads.run();
  });
}

explore::Outcome sample(std::string_view name) {
  constexpr auto RELAXED = std::memory_order_relaxed;
  if (name == "relaxed-publish") return queue_with({.publish = RELAXED});
  if (name == "relaxed-head") return queue_with({.release_slot = RELAXED});
  if (name == "no-second-look") return doorbell_with({.second_look = false});
  if (name == "no-fence") return doorbell_with({.sleeper_fence = RELAXED});
  if (name != "right") std::printf("there is no sample '%s'; this is the right one\n", name.data());
  return queue_with({});
}

}  // namespace

int main(int count, char** words) {
  const explore::Outcome outcome = sample(count > 1 ? words[1] : "right");
  if (!outcome.passed())
    std::printf("%s\n\n%s\n", outcome.sentence.c_str(), outcome.history.c_str());
  std::printf("%s\n", outcome.summary().c_str());
  if (!outcome.schedule.empty()) std::printf("schedule %s\n", outcome.schedule.c_str());
}
