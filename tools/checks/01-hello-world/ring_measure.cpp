#include <percore/check.hpp>
#include <percore/sim.hpp>

#include "ring_support.hpp"

using namespace checks;

namespace {

// Completions at once, so that the counts are the ring's own and not those of waiting.
void at_once(percore::check::Run& run) {
  auto options = run.options();
  options.inline_percent = 100;
  run.restart(options);
}

}  // namespace

PERCORE_MEASURE(batch, "a nop among 16 in one turn", 160) {
  at_once(run);
  {
    Ring ring(RingOptions{.entries = 32});
    const auto made = operations(16);
    run.count_from_here();
    for (int round = 0; round < 10; ++round) {
      for (Recorded* operation : made) io_uring_prep_nop(&ring.entry(*operation));
      while (ring.in_flight() > 0) ring.turn(Wait::for_completion);
    }
    run.count_to_here();
  }
}

PERCORE_MEASURE(alone, "a nop alone in its turn", 100) {
  at_once(run);
  {
    Ring ring(RingOptions{.entries = 32});
    const auto made = operations(1);
    run.count_from_here();
    for (int round = 0; round < 100; ++round) {
      io_uring_prep_nop(&ring.entry(*made[0]));
      while (ring.in_flight() > 0) ring.turn(Wait::for_completion);
    }
    run.count_to_here();
  }
}
