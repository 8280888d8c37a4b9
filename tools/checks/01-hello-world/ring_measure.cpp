// What a NOP costs on the learner's ring, beside ours. Shown after a pass.

#include "ring_support.hpp"

using namespace checks;

PERCORE_MEASURE(one_at_a_time, "a NOP, one at a time", 100) {
  Ring ring({.entries = 32});
  Recorded operation;
  run.count_from_here();
  for (int i = 0; i < 100; ++i) {
    nop(ring, operation);
    while (operation.in_flight()) ring.turn(Wait::for_completion);
  }
  run.count_to_here();
}

PERCORE_MEASURE(in_batches, "a NOP, 20 at a time", 100) {
  Ring ring({.entries = 32});
  auto all = operations(20);
  run.count_from_here();
  for (int i = 0; i < 5; ++i) {
    for (auto* operation : all) nop(ring, *operation);
    while (ring.in_flight() != 0) ring.turn(Wait::for_completion);
  }
  run.count_to_here();
}
