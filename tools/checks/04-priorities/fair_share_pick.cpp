// 04.3 fair_share, step pick: who is ready, and which of them is next. Nobody has run yet, so all
// virtual times are equal.

#include "fair_share_support.hpp"

using namespace checks;

PERCORE_CHECK("pick", who_is_ready_is_known, "F1", "who was woken is ready until it sleeps",
              who_is_next, .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(1, 8);
  for (unsigned i = 0; i < count; ++i) crowd.add(1 + static_cast<unsigned>(run.random(1000)));
  require(crowd.fair.pick() == nullptr, "nobody was woken and pick() gave somebody");
  const auto allocations = percore::sim::counts().allocations;
  for (unsigned step = 0; step < run.size(4, 100); ++step) {
    run.operation(step);
    const std::size_t at = run.random(count);
    if (crowd.all[at].ready)
      crowd.sleep(at);
    else
      crowd.wake(at);
    require(crowd.all[at].holder.ready() == crowd.all[at].ready,
            "holder {} was {}, and ready() says {}", at,
            crowd.all[at].ready ? "woken" : "put to sleep", crowd.all[at].ready ? "no" : "yes");
    require(crowd.fair.anything_ready() == (crowd.ready() != 0),
            "{} holders are ready, and anything_ready() says {}", crowd.ready(),
            crowd.ready() == 0 ? "yes" : "no");
    if (crowd.ready() == 0)
      require(crowd.fair.pick() == nullptr, "all holders sleep and pick() gave one of them");
    else
      static_cast<void>(crowd.pick());
  }
  require(
      percore::sim::counts().allocations == allocations,
      "waking, picking and sleeping allocated {} times: a wake-up cannot say that memory is gone",
      percore::sim::counts().allocations - allocations);
}

PERCORE_CHECK("pick", of_equals_the_one_due_first, "F1",
              "of equals the one that is due first is next, then the one that has waited longest",
              who_is_next, .ring = false) {
  Crowd crowd(run);
  const unsigned count = run.size(2, 10);
  for (unsigned i = 0; i < count; ++i) {
    crowd.add(100);
    const bool matters = run.chance(60);
    crowd.wake(i, matters ? Time{static_cast<std::int64_t>(run.random(4)) * 1000} : Time::never());
  }
  for (unsigned left = count; left != 0; --left) {
    run.operation(count - left);
    const std::size_t at = crowd.pick();
    require(crowd.all[at].holder.ready(), "pick() took holder {} out: it stays ready", at);
    const std::size_t again = crowd.pick();
    require(again == at, "pick() gave holder {} and then {}, and nothing had happened in between",
            at, again);
    crowd.sleep(at);
  }
}
