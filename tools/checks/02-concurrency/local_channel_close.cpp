// 02.6 local_channel, step close.

#include "01-hello-world/assertions.hpp"
#include "channel_support.hpp"

using namespace checks;

namespace {

Task<> tells(ChannelStory& story, unsigned steps) {
  const unsigned closes_at = static_cast<unsigned>(story.run.random(steps + 1));
  const auto sends_percent = 20 + static_cast<unsigned>(story.run.random(60));
  for (unsigned step = 0; step <= steps; ++step) {
    if (step >= closes_at && (step == steps || story.run.chance(30))) {
      co_await rests(2);
      story.close();
      co_await rests(2);
      story.compare("close()");
    }
    const bool tries = story.run.chance(25);
    if (story.run.chance(sends_percent)) {
      tries ? story.try_send() : story.begin_send();
    } else {
      tries ? story.try_receive() : story.begin_receive();
    }
    co_await rests(2);
    story.compare("a send or a receive");
  }
  while (!story.inside.empty()) {
    story.begin_receive();
    co_await rests(2);
    story.compare("a receive");
  }
  story.begin_receive();
  co_await rests(2);
  story.compare("a receive from a closed and empty channel");
  for (auto& handle : story.handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("close", closed_and_drained, "L4",
              "after close() no send succeeds, and what lies in the channel can still be received",
              the_close, .faults = false) {
  ChannelStory story(run, 1 + run.random(4));
  run.waits_for("those who waited when the channel was closed");
  run_on_executor(tells(story, run.size(1, 25)));
}

namespace {

Task<> waits_for_a_value(Channel& channel) {
  const auto got = co_await channel.receive();
  static_cast<void>(got);
}
Task<> waits_for_room(Channel& channel) {
  Counted value(0);
  const auto sent = co_await channel.send(std::move(value));
  static_cast<void>(sent);
}
Task<> destroys(bool full) {
  auto channel = std::make_unique<Channel>(1);
  Counted value(1);
  if (full) static_cast<void>(channel->try_send(value));
  auto waiter = spawn(full ? waits_for_room(*channel) : waits_for_a_value(*channel));
  co_await percore::yield();
  channel.reset();
  fail_with(percore::check::say(
      "a channel was destroyed while a {} waited, and the program went on: that "
      "task will never be woken",
      full ? "sender" : "receiver"));
}

}  // namespace

PERCORE_CHECK("close", nobody_waits_when_it_is_destroyed, "L5",
              "nobody waits any more when a channel is destroyed", the_close, .seeds = 2,
              .faults = false) {
  leave_open(run);
  const bool full = run.seed() == 1;
  require(ends_the_program([full] { run_and_leave(destroys(full)); }),
          "a channel was destroyed while a task waited for it, and the program went on");
}

PERCORE_ORACLE(sleeps_for_ever, "L4", "close() wakes everybody who waits",
               "Lesson 02, *The close*");
