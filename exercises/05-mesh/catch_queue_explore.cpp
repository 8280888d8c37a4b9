#include <percore/check.hpp>
#include <percore/clock.hpp>
#include <percore/explore.hpp>
#include <percore/spsc_queue.hpp>

// Exercise 05.3, kind: catch. Your checks are linked with our spsc_queue, which must pass all of
// them, and with queues that each have one thing wrong, which at least one check must reject.
//
//   percore::explore::check({}, [](Threads& threads) { ... })   runs the body in every order
//   threads.spawn("name", [&] { ... }), threads.run()           its threads, to their ends
//   percore::explore::require(held, "sentence {}", number)      what must hold
//   Tracked                    a value whose every use is watched: two threads that use one with
//                              nothing that orders them are a race, which is told by itself
//   percore::cpu_relax()       in every loop that waits for another thread
//
// Keep it small: two threads, two or three operations each, a capacity of 1 or 2.

using percore::SpscQueue;
using percore::explore::require;
using percore::explore::Threads;
using percore::explore::Tracked;

PERCORE_CHECK("", one_value, "B1", "what was pushed can be popped", "Lesson 05, *A ring of counts*",
              .seeds = 1, .faults = false, .ring = false) {
  percore::explore::check({}, [](Threads& threads) {
    SpscQueue<Tracked> queue(2);
    threads.spawn("both", [&] {
      Tracked value = 7;
      require(queue.try_push(value), "no room in an empty queue");
      const auto popped = queue.try_pop();
      require(popped && popped->value() == 7, "7 was pushed and did not come");
    });
    threads.run();
  });
}

// TODO: one thread alone goes well with most of them. Write checks with two.
