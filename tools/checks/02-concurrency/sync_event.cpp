// 02.5 sync, step event.

#include <percore/sync.hpp>

#include "01-hello-world/assertions.hpp"
#include "support.hpp"

using namespace checks;
using percore::Event;

namespace {

struct Story {
  percore::check::Run& run;
  Event event;
  bool set = false;
  unsigned waiting = 0;
  unsigned expected = 0;  // how often somebody should have gone on
  unsigned went_on = 0;
};

Task<> waits(Story& story, unsigned number) {
  if (story.set) {
    ++story.expected;
  } else {
    ++story.waiting;
  }
  co_await story.event.wait();
  story.run.operation(number);
  ++story.went_on;
}
Task<> tells(Story& story, unsigned steps) {
  std::vector<JoinHandle<void>> handles;
  for (unsigned step = 0; step <= steps; ++step) {
    const auto what = step == steps ? 2 : story.run.random(4);
    if (what < 2) {
      handles.push_back(spawn(waits(story, static_cast<unsigned>(handles.size()))));
    } else if (what == 2) {
      const unsigned before = story.went_on;
      story.event.set();
      require(story.went_on == before, "set() resumed a task that waited: it only makes it ready");
      story.set = true;
      story.expected += std::exchange(story.waiting, 0);
      if (story.run.chance(40)) {
        story.event.reset();
        story.set = false;
      }
    } else {
      story.event.reset();
      story.set = false;
    }
    require(story.event.is_set() == story.set, "the event is {} and is_set() says {}",
            story.set ? "set" : "not set", story.event.is_set());
    co_await rests(2);
    require(story.went_on <= story.expected,
            "an event that is not set let a task through: {} should have gone on, and {} did",
            story.expected, story.went_on);
    require(story.went_on == story.expected,
            "the event was set, and of {} tasks that waited, or came while it was set, {} went on: "
            "setting wakes all who wait, also if it is reset before they run",
            story.expected, story.went_on);
  }
  for (auto& handle : handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("event", it_lets_through_while_it_is_set, "S4",
              "an event that is set lets everybody through until it is reset", the_event,
              .faults = false) {
  Story story{run, {}};
  run.waits_for("those who wait for an event that was set");
  run_on_executor(tells(story, run.size(1, 30)));
}

namespace {

Task<> waits_for_it(Event& event) {
  co_await event.wait();
}
Task<> destroys_with_a_waiter() {
  auto event = std::make_unique<Event>();
  auto waiter = spawn(waits_for_it(*event));
  co_await percore::yield();
  event.reset();
  fail_with(
      "an event was destroyed while a task waited for it, and the program went on: that task "
      "will never be woken");
}

}  // namespace

PERCORE_CHECK("event", nobody_waits_when_an_event_is_destroyed, "S6",
              "nobody waits any more when an event is destroyed", who_still_waits, .seeds = 1,
              .faults = false) {
  leave_open(run);
  require(ends_the_program([] { run_and_leave(destroys_with_a_waiter()); }),
          "an event was destroyed while a task waited for it, and the program went on");
}

PERCORE_ORACLE(sleeps_for_ever, "S4", "an event that is set wakes all who wait",
               "Lesson 02, *The event*");
