// 02.5 sync, step gate.

#include <percore/sync.hpp>

#include "01-hello-world/assertions.hpp"
#include "support.hpp"

using namespace checks;
using percore::Gate;
using percore::GatePass;

namespace {

struct Story {
  percore::check::Run& run;
  Gate gate;
  unsigned inside = 0;
  bool closed = false;
  bool empty_at_close = false;
  unsigned closers = 0;
  unsigned closers_done = 0;
};

Task<> enters(Story& story, unsigned number, unsigned stays) {
  story.run.operation(number);
  auto pass = story.gate.enter();
  require(pass.has_value() == !story.closed, "the gate is {}, and enter() gave {}",
          story.closed ? "closed" : "open", pass ? "a pass" : "an error");
  if (!pass) {
    require(pass.error() == cancelled(),
            "a closed gate turns one away with ECANCELED of std::system_category(), and this was "
            "told: {} (category {})",
            pass.error().message(), pass.error().category().name());
    co_return;
  }
  ++story.inside;
  for (unsigned i = 0; i < stays; ++i) {
    require(story.gate.inside() == story.inside, "{} are inside and inside() says {}", story.inside,
            story.gate.inside());
    co_await percore::yield();
  }
  --story.inside;
  if (story.run.chance(50)) {
    pass->leave();
    pass->leave();
    require(story.gate.inside() == story.inside,
            "{} are inside after one has left, twice, and inside() says {}", story.inside,
            story.gate.inside());
  }
}
Task<> closes(Story& story) {
  ++story.closers;
  if (!story.closed) story.empty_at_close = story.inside == 0;
  story.closed = true;
  co_await story.gate.close();
  require(story.inside == 0, "close() ended while {} were still inside", story.inside);
  require(story.gate.closed(), "the gate was closed and closed() says no");
  ++story.closers_done;
}
Task<> tells(Story& story, unsigned visitors) {
  std::vector<JoinHandle<void>> handles;
  const unsigned closes_at = visitors / 2 + static_cast<unsigned>(story.run.random(visitors));
  for (unsigned i = 0; i < visitors; ++i) {
    handles.push_back(spawn(enters(story, i, 1 + static_cast<unsigned>(story.run.random(12)))));
    if (story.run.chance(60)) co_await rests(static_cast<unsigned>(story.run.random(8)));
    if (i >= closes_at && story.run.chance(50)) handles.push_back(spawn(closes(story)));
  }
  handles.push_back(spawn(closes(story)));
  co_await rests(40);
  require(story.closers_done == story.closers, "{}, and of {} who close the gate {} went on",
          story.empty_at_close ? "nobody was inside when the gate was closed"
                               : "the last one inside has left",
          story.closers, story.closers_done);
  co_await closes(story);
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("gate", it_closes_behind_the_last, "S5",
              "a closed gate lets nobody in, and close() ends when the last one inside has left",
              the_gate, .faults = false) {
  Story story{run, {}};
  run.waits_for("those who close the gate");
  run_on_executor(tells(story, run.size(1, 16)));
}

namespace {

Task<> closes_quietly(Gate& gate, bool& closed) {
  co_await gate.close();
  closed = true;
}
Task<> was_empty_before() {
  Gate gate;
  for (int i = 0; i < 2; ++i) {
    auto pass = gate.enter();
    require(pass.has_value(), "an open gate turned somebody away");
  }
  auto last = gate.enter();
  bool closed = false;
  auto closer = spawn(closes_quietly(gate, closed));
  co_await rests(3);
  require(
      !closed,
      "the gate had been empty for a while, somebody entered again, and close() ended while that "
      "one was still inside");
  last->leave();
  co_await closer;
}
Task<> passes_move() {
  Gate gate;
  {
    auto first = gate.enter();
    GatePass second = std::move(*first);
    require(gate.inside() == 1, "a pass was moved: one is inside, and inside() says {}",
            gate.inside());
    auto other = gate.enter();
    second = std::move(*other);
    require(gate.inside() >= 1, "of two passes one was assigned to the other, and inside() says 0");
  }
  require(gate.inside() == 0, "all passes are gone, and inside() says {}", gate.inside());
  co_await gate.close();
}

}  // namespace

PERCORE_CHECK("gate", empty_once_is_not_empty_now, "S5",
              "close() ends when the last one inside has left", the_gate, .seeds = 1,
              .faults = false) {
  run_on_executor(was_empty_before());
}

PERCORE_CHECK("gate", one_leaves_once, "S5", "whoever holds a pass is inside, once", the_gate,
              .seeds = 1, .faults = false) {
  run_on_executor(passes_move());
}

PERCORE_CHECK("gate", nobody_is_inside_when_it_is_destroyed, "S6",
              "nobody is inside any more when a gate is destroyed", who_still_waits, .seeds = 1,
              .faults = false) {
  require(ends_the_program([] {
            auto gate = std::make_unique<Gate>();
            auto* const pass = new percore::Result<GatePass>(gate->enter());
            gate.reset();
            static_cast<void>(pass);
          }),
          "a gate was destroyed while somebody was inside, and the program went on: that one would "
          "leave through a gate that is gone");
}

PERCORE_ORACLE(sleeps_for_ever, "S5", "close() ends when the last one inside has left",
               "Lesson 02, *The gate*");
