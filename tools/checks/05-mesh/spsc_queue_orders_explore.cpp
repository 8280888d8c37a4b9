// 05.2 spsc_queue, step orders: two threads in every order, with every stale read.

#include <percore/check.hpp>
#include <percore/clock.hpp>
#include <percore/explore.hpp>
#include <percore/spsc_queue.hpp>

using percore::cpu_relax;
using percore::SpscQueue;
using percore::explore::require;
using percore::explore::Threads;
using percore::explore::Tracked;

namespace {

constexpr const char* publishing = "Lesson 05, *Publishing*";
constexpr const char* giving_back = "Lesson 05, *Giving back*";

void push(SpscQueue<Tracked>& queue, unsigned number) {
  Tracked value = number;
  while (!queue.try_push(value)) cpu_relax();
}

void expect(const Tracked& value, unsigned number) {
  require(value.value() == number, "value {} came in place of {}", value.value(), number);
}

}  // namespace

PERCORE_CHECK("orders", what_is_published_is_there, "B2",
              "what the producer wrote before publish() is there for who sees the value",
              publishing, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(2);
    threads.spawn("producer", [&] { push(queue, 1); });
    threads.spawn("consumer", [&] {
      if (Tracked* const front = queue.front()) expect(*front, 1);
    });
    threads.run();
  });
}

PERCORE_CHECK("orders", what_is_taken_was_published, "B2",
              "what the producer wrote before publish() is there for who sees the value",
              publishing, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(2);
    threads.spawn("producer", [&] {
      push(queue, 1);
      push(queue, 2);
    });
    threads.spawn("consumer", [&] {
      unsigned popped = 0;
      for (int i = 0; i < 2; ++i)
        if (const auto value = queue.try_pop()) expect(*value, ++popped);
    });
    threads.run();
  });
}

PERCORE_CHECK("orders", a_slot_is_written_after_its_release, "B3",
              "a slot is written again only after the consumer has given it back", giving_back,
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(1);
    threads.spawn("producer", [&] {
      push(queue, 1);
      push(queue, 2);
    });
    threads.spawn("consumer", [&] {
      while (queue.front() == nullptr) cpu_relax();
      expect(*queue.try_pop(), 1);
    });
    threads.run();
  });
}

PERCORE_CHECK("orders", batches_go_round_the_ring, "B4",
              "one publish() shows all that was staged, one release() frees all that was popped",
              giving_back, .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    SpscQueue<Tracked> queue(2);
    unsigned staged = 0;
    unsigned popped = 0;
    threads.spawn("producer", [&] {
      for (int batch = 0; batch < 2; ++batch) {
        for (int i = 0; i < 2; ++i) {
          Tracked value = staged + 1;
          if (queue.stage(value)) ++staged;
        }
        queue.publish();
      }
    });
    threads.spawn("consumer", [&] {
      for (int batch = 0; batch < 2; ++batch) {
        for (Tracked* front = queue.front(); front != nullptr; front = queue.front()) {
          expect(*front, ++popped);
          queue.pop();
        }
        queue.release();
      }
    });
    threads.run();
    while (queue.try_pop()) ++popped;
    require(popped == staged, "{} values were staged and published, and {} came", staged, popped);
  });
}
