// 02.6 local_channel, step wait: senders and receivers who wait.

#include "channel_support.hpp"

using namespace checks;

namespace {

Task<> tells(ChannelStory& story, unsigned steps) {
  const auto sends_percent = 25 + static_cast<unsigned>(story.run.random(50));
  for (unsigned step = 0; step < steps; ++step) {
    const bool tries = story.run.chance(25);
    if (story.run.chance(sends_percent)) {
      tries ? story.try_send() : story.begin_send();
    } else {
      tries ? story.try_receive() : story.begin_receive();
    }
    if (!story.run.chance(70)) continue;
    co_await rests(2);
    story.compare("a send or a receive");
  }
  co_await rests(2);
  story.compare("a send or a receive");
  while (!story.senders.empty() || !story.receivers.empty()) {
    story.senders.empty() ? story.begin_send() : story.begin_receive();
    co_await rests(2);
    story.compare("a send or a receive");
  }
  for (auto& handle : story.handles) co_await handle;
}

}  // namespace

PERCORE_CHECK("wait", first_come_first_served, "L3",
              "first come, first served, among those who send as among those who receive",
              the_channel, .faults = false) {
  ChannelStory story(run, 1 + run.random(4));
  run.waits_for("those who wait for room or for a value");
  run_on_executor(tells(story, run.size(1, 40)));
}

namespace {

Task<> sends_many(LocalChannel<unsigned>& channel, unsigned count, unsigned& sent) {
  for (unsigned value = 0; value < count; ++value) {
    const auto result = co_await channel.send(value);
    require(result.has_value(), "a send to an open channel gave: {}",
            result ? "" : result.error().message());
    ++sent;
  }
}
Task<> takes_slowly(percore::check::Run& run, unsigned count, std::size_t capacity) {
  LocalChannel<unsigned> channel(capacity);
  unsigned sent = 0;
  auto sender = spawn(sends_many(channel, count, sent));
  for (unsigned value = 0; value < count; ++value) {
    co_await rests(3);
    require(channel.size() <= capacity, "{} values lie in a channel of {}", channel.size(),
            capacity);
    require(
        sent <= value + capacity,
        "{} values were received, the channel has {} places, and {} sends are done: a sender who "
        "finds it full waits",
        value, capacity, sent);
    run.operation(value);
    const auto got = co_await channel.receive();
    require(got.has_value() && *got == value, "value {} was received as number {}",
            got.value_or(9999), value);
  }
  co_await sender;
  require(channel.size() == 0, "all is received, and size() says {}", channel.size());
}

}  // namespace

PERCORE_CHECK("wait", a_full_channel_holds_its_sender, "L2",
              "a sender who finds the channel full waits: that is back-pressure", the_channel,
              .seeds = 30, .faults = false) {
  run.waits_for("a sender and a receiver of one channel");
  const std::size_t capacity = 1 + run.random(4);
  run_on_executor(takes_slowly(run, run.size(1, 20), capacity));
}

namespace {

Task<> sends_three(LocalChannel<unsigned>& channel) {
  for (unsigned value = 0; value < 3; ++value) static_cast<void>(co_await channel.send(value));
}
Task<> counts_allocations(std::uint64_t& made) {
  LocalChannel<unsigned> channel(1);
  auto sender = spawn(sends_three(channel));
  co_await percore::yield();
  const auto before = percore::sim::counts().allocations;
  for (unsigned value = 0; value < 3; ++value) static_cast<void>(co_await channel.receive());
  made = percore::sim::counts().allocations - before;
  co_await sender;
}

}  // namespace

PERCORE_CHECK("wait", a_wait_allocates_nothing, "L2", "who waits does so in its own frame",
              the_channel, .seeds = 1, .faults = false) {
  std::uint64_t made = 0;
  run_on_executor(counts_allocations(made));
  require(made == 0,
          "a sender waited and was woken by receives, and that allocated {} times: a channel takes "
          "its memory when it is made, and nowhere else",
          made);
}

PERCORE_ORACLE(sleeps_for_ever, "L3", "who waits for room or for a value is woken when it is there",
               "Lesson 02, *The channel*");
