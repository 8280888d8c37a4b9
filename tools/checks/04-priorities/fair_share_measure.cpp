// What a turn costs in the learner's fair_share, beside ours. Shown after a pass.

#include "fair_share_support.hpp"

using namespace checks;

namespace {

void turns(Run& run, unsigned holders, unsigned count) {
  Crowd crowd(run);
  for (unsigned i = 0; i < holders; ++i) {
    crowd.add(1 + 97 * i % 1000);
    crowd.fair.wake(crowd.all[i].holder);
  }
  run.count_from_here();
  for (unsigned i = 0; i < count; ++i) crowd.fair.charge(*crowd.fair.pick(), Time{1000});
  run.count_to_here();
}

}  // namespace

PERCORE_MEASURE(a_turn_of_four, "a turn, four that are ready", 100) {
  turns(run, 4, 100);
}
PERCORE_MEASURE(a_turn_of_sixty_four, "a turn, 64 that are ready", 100) {
  turns(run, 64, 100);
}
