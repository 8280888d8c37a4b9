#include <percore/check.hpp>
#include <percore/fair_share.hpp>

// Exercise 04.6, kind: catch. Your checks are linked with our fair_share, which must pass all of
// them, and with modules that each have one thing wrong, which at least one check must reject.
//
//   run.size(low, high)   a number of holders or turns, drawn from the seed
//   run.random(bound)     a number below `bound`, drawn from the seed; run.chance(percent)
//   percore::check::require(held, "sentence with the numbers {}", number)
//
// VirtualTime has 128 bits: static_cast<long long>(...) to show it. A holder that is ready may not
// be destroyed: fair.sleep() it at the end.

using percore::FairShare;
using percore::ShareHolder;
using percore::Time;
using percore::check::require;

PERCORE_CHECK("", one_that_is_ready_is_next, "F1", "the ready one is next",
              "Lesson 04, *Who is next*", .ring = false) {
  FairShare fair;
  ShareHolder holder(1000);
  fair.wake(holder);
  require(fair.pick() == &holder, "one holder is ready, and pick() does not give it");
  fair.charge(holder, Time{1 + static_cast<std::int64_t>(run.random(1000))});
  require(fair.pick() == &holder, "it has run and is ready, and pick() does not give it");
  fair.sleep(holder);
}

// TODO: one holder alone goes well with all of them. Write checks for F1 to F6.
