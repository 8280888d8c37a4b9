#include <percore/check.hpp>
#include <percore/clock.hpp>
#include <percore/explore.hpp>
#include <percore/spsc_queue.hpp>

using percore::cpu_relax;
using percore::SpscQueue;
using percore::explore::require;
using percore::explore::Threads;
using percore::explore::Tracked;

PERCORE_CHECK("", three_through_a_queue_of_one, "B1", "in order, each once, none lost",
              "Lesson 05, *A ring of counts*", .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(1);
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 3; ++i) {
        Tracked value = i;
        while (!queue.try_push(value)) cpu_relax();
      }
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 1; i <= 3; ++i) {
        while (queue.front() == nullptr) cpu_relax();
        const auto value = queue.try_pop();
        require(value && value->value() == i, "{} did not come", i);
      }
      require(queue.front() == nullptr, "a fourth value came");
    });
    threads.run();
  });
}

PERCORE_CHECK("", batches, "B4", "shown and given back at once", "Lesson 05, *Once for many*",
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(2);
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        Tracked value = i;
        require(queue.stage(value), "no room for {} of 2", i);
      }
      Tracked more = 3;
      require(!queue.stage(more), "room for a third of 2, and nothing was given back");
      require(queue.staged() == 2, "{} are staged", queue.staged());
      queue.publish();
    });
    threads.spawn("consumer", [&] {
      if (queue.front() == nullptr) return;
      for (unsigned i = 1; i <= 2; ++i) {
        Tracked* const front = queue.front();
        require(front != nullptr && front->value() == i, "{} is not seen with the others", i);
        queue.pop();
      }
      require(queue.popped() == 2, "{} are popped", queue.popped());
    });
    threads.run();
  });
}
