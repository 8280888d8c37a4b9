// 05.7 shared_channel, step turn: values, who waits, and the end of a turn.

#include "shared_channel_support.hpp"

using namespace checks;

PERCORE_ORACLE(sleeps_for_ever, "H3", "an end that waits is rung when what it waits for has come",
               "Lesson 05, *A channel between two cores*");
PERCORE_ORACLE(lost_wakeup, "H3", "an end that waits is rung when what it waits for has come",
               "Lesson 05, *A channel between two cores*");

namespace {

/// How often an end pauses, so that the other waits for it, and how many values go.
struct Pace {
  unsigned values;
  unsigned sender_pauses;  // after each of so many values; 0: never
  unsigned receiver_pauses;
};

Task<> pause_after(unsigned value, unsigned pauses) {
  const bool now = pauses != 0 && value % pauses == 0;
  if (now) static_cast<void>(co_await sleep_for(Time{60'000}));
}

Task<> sends(SharedSender<Boxed> sender, Pace pace) {
  for (unsigned i = 0; i < pace.values; ++i) {
    const auto sent = co_await sender.send(box(i));
    require(sent.has_value(), "the send of value {} gave an error, and nobody has closed", i);
    co_await pause_after(i, pace.sender_pauses);
  }
  // It stays until all is received, so that no close lies in the way.
  while (!sender.closed()) static_cast<void>(co_await sleep_for(Time{50'000}));
}

Task<> receives(SharedReceiver<Boxed> receiver, Pace pace) {
  for (unsigned i = 0; i < pace.values; ++i) {
    const auto value = co_await receiver.receive();
    require(value.has_value(), "receive() gave nothing in place of value {}, and nobody has closed",
            i);
    require(*value != nullptr, "value {} came empty: it was moved from on its way", i);
    require(**value == i, "value {} came in place of {}", **value, i);
    co_await pause_after(i, pace.receiver_pauses);
  }
  receiver.close();
}

Task<> fills_it() {
  auto [sender, receiver] = shared_channel<Boxed>(4);
  for (unsigned i = 0; i < 4; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 4 has no room for value {}", i);
    require(value == nullptr, "try_send() is true, and the value was not taken");
  }
  Boxed more = box(4);
  require(!sender.try_send(more), "a channel of 4 took a fifth value");
  require(more != nullptr, "try_send() is false, and the value was taken: it is lost");
  co_await a_turn_later();
  require(!sender.try_send(more), "a channel of 4 took a fifth value a turn later");
  const auto first = receiver.try_receive();
  require(first.has_value() && **first == 0, "the first value did not come after its turn");
  co_await a_turn_later();
  require(sender.try_send(more),
          "a value was taken a turn ago, and its room has not been given back");
}

Task<> sends_one(SharedSender<Boxed>& sender, bool& done) {
  const auto sent = co_await sender.send(box(2));
  require(
      sent.has_value(),
      "a send that found no room gave `{}`, and nobody has closed: it waits until there is some",
      sent ? std::string() : sent.error().message());
  done = true;
}

Task<> waits_for_room() {
  auto [sender, receiver] = shared_channel<Boxed>(1);
  Boxed first = box(1);
  require(sender.try_send(first), "an empty channel has no room");
  bool done = false;
  auto waiting = spawn(sends_one(sender, done));
  co_await a_turn_later();
  require(!done, "a send came back, and the channel is full");
  const auto taken = co_await receiver.receive();
  require(taken.has_value() && **taken == 1, "the first value did not come");
  co_await waiting;
  const auto second = co_await receiver.receive();
  require(second.has_value() && **second == 2, "the value that waited for room did not come");
}

Task<> sends_in_a_turn(unsigned count) {
  auto [sender, receiver] = shared_channel<Boxed>(64);
  for (unsigned i = 0; i < count; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 64 has no room for value {}", i);
  }
  require(!receiver.try_receive().has_value(),
          "{} values were sent in this turn, and the first is there already: each is published by "
          "itself",
          count);
  co_await a_turn_later();
  for (unsigned i = 0; i < count; ++i) {
    const auto value = receiver.try_receive();
    require(value.has_value(), "{} values were sent in a turn, and after it {} were there", count,
            i);
    require(**value == i, "value {} came in place of {}", **value, i);
  }
}

Task<> flushes() {
  auto [sender, receiver] = shared_channel<Boxed>(64);
  Boxed value = box(7);
  require(sender.try_send(value), "an empty channel has no room");
  sender.flush();
  const auto got = receiver.try_receive();
  require(got.has_value() && **got == 7, "flush() was called, and what was sent is not there");
  co_return;
}

Task<> receives_one(SharedReceiver<Boxed>& receiver, bool& done) {
  const auto value = co_await receiver.receive();
  require(value.has_value(), "receive() gave nothing, and nobody has closed");
  done = true;
}

Task<> is_rung_without_a_cause(unsigned times) {
  auto [sender, receiver] = shared_channel<Boxed>(4);
  bool done = false;
  auto waiting = spawn(receives_one(receiver, done));
  co_await a_turn_later();
  for (unsigned i = 0; i < times; ++i) {
    for (unsigned number = 0; number < 3; ++number) doorbell().bell()->ring(number);
    co_await a_turn_later();
    require(!done, "a receive came back, and nothing was sent");
  }
  Boxed value = box(1);
  require(sender.try_send(value), "an empty channel has no room");
  co_await waiting;
}

}  // namespace

PERCORE_CHECK("turn", full_is_full, "H2", "at most capacity() values lie in a channel", a_channel,
              .seeds = 20) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(fills_it());
}

PERCORE_CHECK("turn", a_sender_waits_for_room, "H2", "a sender who finds it full waits", a_channel,
              .seeds = 20) {
  run.waits_for("the send that waits for room, when a value was taken");
  run_on_executor(waits_for_room());
}

PERCORE_CHECK("turn", once_for_a_turn, "H4",
              "what was sent is on its way when the turn ends, all at once", a_channel,
              .seeds = 20) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(sends_in_a_turn(run.size(1, 10)));
}

PERCORE_CHECK("turn", a_flush_does_not_wait, "H4", "flush() publishes before the turn ends",
              a_channel, .seeds = 5) {
  run_on_executor(flushes());
}

PERCORE_CHECK("turn", a_look_may_have_no_cause, "H3",
              "an end that is rung without a cause waits on", a_channel, .seeds = 20) {
  run.waits_for("the receive of a value that was sent");
  run_on_executor(is_rung_without_a_cause(run.size(1, 5)));
}

PERCORE_CHECK("turn", each_once_in_order, "H1",
              "values come out in the order of their sends; each once, none is lost", a_channel) {
  run.waits_for("a value from another executor, or room for one");
  const Pace pace{run.size(1, 60), run.chance(50) ? 0 : 1 + run.size(0, 6),
                  run.chance(50) ? 0 : 1 + run.size(0, 6)};
  auto [sender, receiver] = shared_channel<Boxed>(std::size_t{1} << run.random(4));
  run_on_two_executors(sends(std::move(sender), pace), receives(std::move(receiver), pace));
}
