// 05.7 shared_channel, step turn: values, who waits, and the end of a turn.

#include "counted_wakes.hpp"
#include "shared_channel_support.hpp"

#include <bit>
#include <optional>

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

/// Two tasks send by one end. The number of a value says when its send began.
struct Numbers {
  unsigned next = 0;
  bool over = false;
};

Task<> sends_and_waits(SharedSender<Boxed>& sender, Numbers& numbers, unsigned values) {
  for (unsigned i = 0; i < values; ++i) {
    Boxed value = box(numbers.next++);
    const auto sent = co_await sender.send(std::move(value));
    require(sent.has_value(), "a send gave an error, and nobody has closed");
  }
  numbers.over = true;
}

Task<> tries_again_and_again(SharedSender<Boxed>& sender, Numbers& numbers) {
  while (!numbers.over) {
    Boxed value = box(numbers.next);
    if (sender.try_send(value)) ++numbers.next;
    static_cast<void>(co_await sleep_for(Time{1'000}));
  }
}

Task<> two_tasks_send(SharedSender<Boxed> sender, unsigned values) {
  Numbers numbers;
  auto tries = spawn(tries_again_and_again(sender, numbers));
  co_await sends_and_waits(sender, numbers, values);
  co_await tries;
}

Task<> receives_in_order(SharedReceiver<Boxed> receiver) {
  for (unsigned i = 0;; ++i) {
    const auto value = co_await receiver.receive();
    if (!value) break;
    require(**value == i,
            "value {} came in place of {}: a try_send() went ahead of a send that had begun before "
            "it and waits for room",
            **value, i);
    if (i % 4 == 0) static_cast<void>(co_await sleep_for(Time{20'000}));
  }
}

/// Within one turn: who waits on the other core must not need the end of it.
Task<> flushes_and_stays_busy(SharedSender<Boxed> sender, const bool& received) {
  static_cast<void>(co_await sleep_for(Time{500'000}));  // the receiver is asleep by then
  Boxed value = box(7);
  require(sender.try_send(value), "an empty channel has no room");
  sender.flush();
  for (int i = 0; i < 5'000 && !received; ++i) std::this_thread::yield();
  require(received,
          "flush() was called, and the receiver, which waits on another executor, sleeps on: who "
          "publishes rings who waits");
}

Task<> receives_what_was_flushed(SharedReceiver<Boxed> receiver, bool& received) {
  const auto value = co_await receiver.receive();
  received = value.has_value();
}

Task<> has_so_many_places(std::size_t asked) {
  auto [sender, receiver] = shared_channel<Boxed>(asked);
  const std::size_t places = std::bit_ceil(asked);
  for (std::size_t taken = 0; taken <= places; ++taken) {
    require(sender.capacity() == places && receiver.capacity() == places,
            "a channel of {} has {} places, with {} values in it too; its sender says {}, its "
            "receiver {}",
            asked, places, taken, sender.capacity(), receiver.capacity());
    Boxed value = box(0);
    require(sender.try_send(value) == (taken < places), "a channel of {} places took {} values",
            places, taken);
  }
  co_return;
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

Task<> waits_for_room(bool by_trying) {
  auto [sender, receiver] = shared_channel<Boxed>(1);
  Boxed first = box(1);
  require(sender.try_send(first), "an empty channel has no room");
  bool done = false;
  auto waiting = spawn(sends_one(sender, done));
  co_await a_turn_later();
  require(!done, "a send came back, and the channel is full");
  std::optional<Boxed> taken;
  if (by_trying)
    taken = receiver.try_receive();
  else
    taken = co_await receiver.receive();
  require(taken.has_value() && **taken == 1, "the first value did not come");
  co_await a_turn_later();
  require(done,
          "a send waits for room, {} took a value, and a turn later the send waits on: what was "
          "taken, by a try too, is given back, and its sender rung",
          by_trying ? "try_receive()" : "receive()");
  co_await waiting;
  const auto second = co_await receiver.receive();
  require(second.has_value() && **second == 2, "the value that waited for room did not come");
}

/// Of 64 places. Before the end of the turn the first value may be seen by itself, so that one who
/// is awake begins at once; after that no less than a quarter of the places is published at a time.
Task<> sends_in_a_turn(unsigned count) {
  auto [sender, receiver] = shared_channel<Boxed>(64);
  unsigned seen = 0, publications = 0;
  const auto takes = [&, &receives = receiver] {
    const unsigned before = seen;
    for (auto value = receives.try_receive(); value; value = receives.try_receive(), ++seen)
      require(**value == seen, "value {} came in place of {}", **value, seen);
    return seen != before;
  };
  for (unsigned i = 0; i < count; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 64 has no room for value {}", i);
    publications += takes() ? 1 : 0;
  }
  require(
      publications <= 1 + count / 16,
      "{} values were sent in this turn, and before its end they are seen in {} pieces: each is "
      "published by itself, or a few are",
      count, publications);
  co_await a_turn_later();
  takes();
  require(seen == count, "{} values were sent in a turn, and after it {} were there", count, seen);
}

/// The same for the room of what is taken.
Task<> receives_in_a_turn(unsigned count) {
  auto [sender, receiver] = shared_channel<Boxed>(64);
  for (unsigned i = 0; i < 64; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 64 has no room for value {}", i);
  }
  co_await a_turn_later();
  unsigned room = 0, pieces = 0;
  const auto fills = [&, &sends = sender] {
    const unsigned before = room;
    for (Boxed value = box(0); sends.try_send(value); value = box(0)) ++room;
    return room != before;
  };
  for (unsigned i = 0; i < count; ++i) {
    require(receiver.try_receive().has_value(), "64 values were sent, and value {} is not there",
            i);
    pieces += fills() ? 1 : 0;
  }
  require(pieces <= 1 + count / 16,
          "{} values were received in this turn, and before its end their room comes back in {} "
          "pieces: each slot is given back by itself, or a few are",
          count, pieces);
  co_await a_turn_later();
  fills();
  require(room == count, "{} values were received in a turn, and after it there is room for {}",
          count, room);
}

/// Two tasks receive by one end: one waits, the other tries, and is always ready before it.
Task<> receives_as_well(SharedReceiver<Boxed>& receiver, unsigned& received) {
  for (;;) {
    const auto value = co_await receiver.receive();
    const bool end = !value && receiver.drained();
    if (end) break;
    require(
        value.has_value(),
        "a receive gave nothing, and the sender has not closed: it did not wait, or what it was "
        "woken for was taken by a try_receive() before it went on");
    ++received;
  }
}

Task<> sends_and_tries(unsigned values, unsigned turns) {
  auto [sender, receiver] = shared_channel<Boxed>(4);
  unsigned received = 0;
  auto waits = spawn(receives_as_well(receiver, received));
  for (unsigned i = 0; i < values; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 4, whose values are received, has no room");
    for (unsigned turn = 0; turn < turns; ++turn) {
      co_await yield();
      if (receiver.try_receive()) ++received;
    }
  }
  sender.close();
  co_await waits;
  require(received == values, "{} values were sent, and {} came", values, received);
}

/// It has used its end, and does not wait in it.
Task<> sleeps_beside_its_end(SharedReceiver<Boxed> receiver, bool& over) {
  require(!receiver.try_receive(), "a receive from an empty channel gave a value");
  while (!over) static_cast<void>(co_await sleep_for(Time{2'000'000}));
}

Task<> sends_to_one_who_does_not_wait(SharedSender<Boxed> sender, unsigned values, bool& over) {
  static_cast<void>(co_await sleep_for(Time{500'000}));  // the other has used its end by then
  wakes = 0;
  for (unsigned i = 0; i < values; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 16 has no room for value {}", i);
    static_cast<void>(co_await sleep_for(Time{100'000}));
  }
  require(wakes == 0,
          "{} values were sent, a turn for each, nobody waits in receive(), and the receiver's "
          "executor was woken {} times: an end is rung only where the core says that it waits",
          values, wakes.load());
  over = true;
}

Task<> makes_a_channel(std::optional<ChannelEnds<Boxed>>& ends) {
  ends.emplace(shared_channel<Boxed>(2));
  co_return;
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
  run_on_executor(waits_for_room(false));
}

PERCORE_CHECK("turn", so_many_places, "H2", "at most capacity() values lie in a channel", a_channel,
              .seeds = 10) {
  run_on_executor(has_so_many_places(run.size(1, 40)));
}

PERCORE_CHECK("turn", who_waits_goes_first, "H1",
              "values come out in the order in which their sends began", a_channel, .seeds = 60) {
  run.waits_for("a value from another executor, or room for one");
  auto [sender, receiver] = shared_channel<Boxed>(std::size_t{1} << run.random(3));
  run_on_two_executors(two_tasks_send(std::move(sender), run.size(1, 20)),
                       receives_in_order(std::move(receiver)));
}

PERCORE_CHECK("turn", a_flush_rings, "H3",
              "an end that waits is rung when a flush() has published what it waits for", a_channel,
              .seeds = 10) {
  run.waits_for("a value that was flushed");
  auto [sender, receiver] = shared_channel<Boxed>(4);
  bool received = false;  // threads run one at a time
  run_on_two_executors(flushes_and_stays_busy(std::move(sender), received),
                       receives_what_was_flushed(std::move(receiver), received));
}

PERCORE_CHECK("turn", once_for_a_turn, "H4",
              "what was sent is on its way when the turn ends, and not value by value", a_channel,
              .seeds = 20) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(sends_in_a_turn(run.size(1, 64)));
}

PERCORE_CHECK("turn", room_once_for_a_turn, "H4",
              "room is given back when the turn ends, and not slot by slot", a_channel,
              .seeds = 20) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(receives_in_a_turn(run.size(1, 64)));
}

PERCORE_CHECK("turn", a_try_gives_back_and_rings, "H3",
              "a send that waits goes on when try_receive() has made room", a_channel,
              .seeds = 10) {
  run.waits_for("a sleep of a microsecond");
  run_on_executor(waits_for_room(true));
}

PERCORE_CHECK("turn", who_waits_receives_first, "H1",
              "a receive that waits gets the value that it was woken for", a_channel, .seeds = 20) {
  run.waits_for("the receive of a value that was sent");
  const unsigned values = run.size(1, 20), turns = 4 + run.size(0, 4);
  stay_on_one_cpu();
  std::thread([values, turns] {
    // One task a turn: who is ready when a value comes runs before who is woken for it.
    Executor executor({.ring = {.entries = 8}, .resumes_per_turn_max = 1});
    executor.run(sends_and_tries(values, turns));
  }).join();
}

PERCORE_CHECK("turn", nobody_is_woken_who_does_not_wait, "H3",
              "an end that does not wait is never rung", a_channel, .seeds = 10) {
  run.waits_for("the end of a sleep");
  auto [sender, receiver] = shared_channel<Boxed>(16);
  bool over = false;  // threads run one at a time
  run_on_two_executors(sends_to_one_who_does_not_wait(std::move(sender), run.size(1, 12), over),
                       sleeps_beside_its_end(std::move(receiver), over));
}

PERCORE_CHECK("turn", made_on_another_executor, "H3",
              "an end belongs to the executor that first uses it, wherever it was made", a_channel,
              .seeds = 20) {
  run.waits_for("a value from another executor, or room for one");
  std::optional<ChannelEnds<Boxed>> ends;
  run_on_executor(makes_a_channel(ends));
  const Pace pace{run.size(1, 20), 3, 4};
  run_on_two_executors(sends(std::move(ends->sender), pace),
                       receives(std::move(ends->receiver), pace));
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
  // A learner waits for this, and each value is a switch of threads: few cases are long.
  const Pace pace{run.size(1, run.chance(20) ? 60 : 12), run.chance(50) ? 0 : 1 + run.size(0, 6),
                  run.chance(50) ? 0 : 1 + run.size(0, 6)};
  auto [sender, receiver] = shared_channel<Boxed>(std::size_t{1} << run.random(4));
  run_on_two_executors(sends(std::move(sender), pace), receives(std::move(receiver), pace));
}
