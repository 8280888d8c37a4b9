// 05.7 shared_channel, step close: the end of a channel, from either side, and of an executor.

#include "shared_channel_support.hpp"

using namespace checks;

PERCORE_ORACLE(sleeps_for_ever, "H3", "an end that waits is rung when the other end closes",
               "Lesson 05, *A channel between two cores*");
PERCORE_ORACLE(lost_wakeup, "H3", "an end that waits is rung when the other end closes",
               "Lesson 05, *A channel between two cores*");

namespace {

Task<> closes_with_values_inside(unsigned count) {
  auto [sender, receiver] = shared_channel<Boxed>(16);
  for (unsigned i = 0; i < count; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 16 has no room for value {}", i);
  }
  sender.close();
  Boxed late = box(99);
  require(!sender.try_send(late) && late != nullptr,
          "a closed sender took a value: after close() nothing is sent, also by oneself");
  const auto sent = co_await sender.send(box(99));
  require(!sent, "a send after close() succeeded");
  require(sent.error() == std::errc::broken_pipe, "a send after close() gave `{}`, and not EPIPE",
          sent.error().message());
  require(receiver.drained() == (count == 0), "drained() is {} with {} values inside",
          receiver.drained(), count);
  for (unsigned i = 0; i < count; ++i) {
    const auto value = co_await receiver.receive();
    require(value.has_value(), "value {} was sent before the close and did not come", i);
    require(**value == i, "value {} came in place of {}", **value, i);
  }
  require(receiver.drained(), "the sender has closed, all is taken, and drained() is false");
  for (int again = 0; again < 3; ++again) {
    const auto nothing = co_await receiver.receive();
    require(!nothing.has_value(), "a receive after the last value gave one more");
  }
}

Task<> receives_until_closed(SharedReceiver<Boxed> receiver, unsigned& received) {
  for (;;) {
    const auto value = co_await receiver.receive();
    if (!value) break;
    ++received;
  }
}

/// The sender is destroyed at its end: that closes it.
Task<> sends_and_goes(SharedSender<Boxed> sender, unsigned count, unsigned pause_ns) {
  for (unsigned i = 0; i < count; ++i) {
    const auto sent = co_await sender.send(box(i));
    require(sent.has_value(), "a send gave an error, and the receiver has not closed");
  }
  if (pause_ns != 0) static_cast<void>(co_await sleep_for(Time{pause_ns}));
}

Task<> sends_until_closed(SharedSender<Boxed> sender, unsigned& sent_values) {
  for (;; ++sent_values) {
    require(sent_values < 1'000, "the receiver has closed, and sends go on to succeed");
    const auto sent = co_await sender.send(box(sent_values));
    if (sent) continue;
    require(sent.error() == std::errc::broken_pipe,
            "the receiver has closed, and a send gave `{}` in place of EPIPE",
            sent.error().message());
    break;
  }
  require(sender.closed(), "a send gave EPIPE, and closed() is false");
  Boxed late = box(0);
  require(!sender.try_send(late) && late != nullptr, "try_send() took a value after an EPIPE");
  const auto again = co_await sender.send(box(0));
  require(!again && again.error() == std::errc::broken_pipe, "a send after an EPIPE gave no EPIPE");
}

Task<> receives_some_and_goes(SharedReceiver<Boxed> receiver, unsigned count, unsigned pause_ns) {
  for (unsigned i = 0; i < count; ++i) {
    const auto value = co_await receiver.receive();
    require(value.has_value() && *value != nullptr && **value == i, "value {} did not come", i);
  }
  if (pause_ns != 0) static_cast<void>(co_await sleep_for(Time{pause_ns}));
}

/// Says on which thread it was destroyed, and how often one was.
struct Mourned {
  struct Graves {
    unsigned dug = 0;
    std::thread::id last_on;
  };
  explicit Mourned(Graves& its_graves) noexcept : graves(&its_graves) {}
  Mourned(Mourned&& other) noexcept : graves(std::exchange(other.graves, nullptr)) {}
  Mourned& operator=(Mourned&&) = delete;
  ~Mourned() {
    if (graves == nullptr) return;
    ++graves->dug;
    graves->last_on = std::this_thread::get_id();
  }
  Graves* graves;
};

Task<> leaves_three(SharedSender<Mourned> sender, Mourned::Graves& graves, std::thread::id& own) {
  own = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    Mourned value(graves);
    require(sender.try_send(value), "a channel of 4 has no room for 3 values");
  }
  while (!sender.closed()) static_cast<void>(co_await sleep_for(Time{20'000}));
  require(graves.dug == 1,
          "of 3 values one was received, and {} are destroyed before the last end "
          "has gone",
          graves.dug);
}

Task<> takes_one(SharedReceiver<Mourned> receiver) {
  const auto value = co_await receiver.receive();
  require(value.has_value(), "the first of three values did not come");
}

Task<> waits_in_a_send(SharedSender<unsigned> sender, bool& ended) {
  for (unsigned i = 0; i < 3; ++i) {
    const auto sent = co_await sender.send(i);
    if (sent) continue;
    require(sent.error() == std::errc::operation_canceled,
            "at the end of its executor a send gave `{}`, and not ECANCELED",
            sent.error().message());
    ended = true;
    break;
  }
}
Task<> is_told_of_the_close(SharedSender<unsigned>& sender, bool& ended) {
  const auto sent = co_await sender.send(2);
  require(!sent,
          "a send waited, the receiver took a value and closed, and the send succeeded: when the "
          "receiver has closed no send does, though there is room");
  require(sent.error() == std::errc::broken_pipe,
          "a send waited, the receiver closed, and the send gave `{}` in place of EPIPE",
          sent.error().message());
  ended = true;
}

Task<> waits_in_a_receive(SharedReceiver<unsigned> receiver, bool& ended) {
  const auto value = co_await receiver.receive();
  require(!value.has_value(), "at the end of its executor a receive gave a value that nobody sent");
  const auto again = co_await receiver.receive();
  require(!again.has_value(), "while its executor ends a receive gave a value that nobody sent");
  ended = true;
}

/// Only who has to wait is told that the executor ends.
Task<> goes_on_at_the_end(SharedReceiver<unsigned> waits, bool& ended) {
  auto [sender, receiver] = shared_channel<unsigned>(4);
  const auto nothing = co_await waits.receive();
  require(!nothing.has_value(), "at the end of its executor a receive gave what nobody sent");
  const auto sent = co_await sender.send(5);
  require(sent.has_value(),
          "while its executor ends a send gave `{}`, and there is room: only one that has to wait "
          "is cancelled",
          sent ? std::string() : sent.error().message());
  sender.flush();
  const auto value = co_await receiver.receive();
  require(value == 5u,
          "while its executor ends a receive gave nothing, and a value is there: only one that has "
          "to wait gives nothing");
  ended = true;
}

/// Room and the close come in one turn, and the send that waits is looked at after both.
Task<> takes_one_and_closes() {
  auto [sender, receiver] = shared_channel<unsigned>(1);
  unsigned first = 1;
  require(sender.try_send(first), "an empty channel has no room");
  bool ended = false;
  auto waiting = spawn(is_told_of_the_close(sender, ended));
  co_await a_turn_later();
  require(receiver.try_receive() == 1u, "the first value did not come");
  receiver.close();
  co_await waiting;
}

Task<> closes_and_receives() {
  auto [sender, receiver] = shared_channel<Boxed>(4);
  for (unsigned i = 0; i < 3; ++i) {
    Boxed value = box(i);
    require(sender.try_send(value), "a channel of 4 has no room for value {}", i);
  }
  co_await a_turn_later();
  require(receiver.try_receive().has_value(), "the first of three values did not come");
  receiver.close();
  require(
      !receiver.try_receive(),
      "try_receive() gave a value after its own end was closed: the queue is the sender's alone "
      "from there on");
  const auto nothing = co_await receiver.receive();
  require(!nothing, "a receive gave a value after its own end was closed");
}

/// At the end of an executor what is closed is closed.
Task<> sends_at_the_end(SharedReceiver<unsigned> waits, bool& ended) {
  auto [sender, receiver] = shared_channel<unsigned>(1);
  receiver.close();
  static_cast<void>(co_await waits.receive());
  const auto sent = co_await sender.send(5);
  require(!sent && sent.error() == std::errc::broken_pipe,
          "while its executor ends a send to a receiver that has closed gave `{}`, and not EPIPE: "
          "it need not wait to be told so",
          sent ? std::string("success") : sent.error().message());
  ended = true;
}

Task<> spawns_who_sends_at_the_end(ChannelEnds<unsigned>& other, bool& ended) {
  spawn(sends_at_the_end(std::move(other.receiver), ended)).detach();
  co_await a_turn_later();
}

/// What comes for certain is waited for, also when the executor ends.
Task<> receives_through_the_end(SharedReceiver<unsigned> receiver, bool& came) {
  for (unsigned i = 0; i < 2; ++i) {
    const auto value = co_await receiver.receive_through_end();
    require(value.has_value(),
            "receive_through_end() gave nothing, and the sender has not closed: it waits on when "
            "the executor ends");
    require(*value == i, "value {} came in place of {}", *value, i);
  }
  const auto nothing = co_await receiver.receive_through_end();
  require(!nothing, "receive_through_end() gave a value that nobody sent");
  came = true;
}

Task<> spawns_who_waits_on(SharedReceiver<unsigned> receiver, bool& came) {
  spawn(receives_through_the_end(std::move(receiver), came)).detach();
  co_await a_turn_later();
}

Task<> sends_late(SharedSender<unsigned> sender) {
  for (unsigned i = 0; i < 2; ++i) {
    static_cast<void>(co_await sleep_for(Time{100'000}));
    const auto sent = co_await sender.send(i);
    require(sent.has_value(), "a send gave an error, and the receiver has not closed");
  }
}

Task<> spawns_who_goes_on(ChannelEnds<unsigned>& other, bool& ended) {
  spawn(goes_on_at_the_end(std::move(other.receiver), ended)).detach();
  co_await a_turn_later();
}

Task<> ends_while_two_wait(ChannelEnds<unsigned>& full, ChannelEnds<unsigned>& empty,
                           bool& sender_ended, bool& receiver_ended) {
  spawn(waits_in_a_send(std::move(full.sender), sender_ended)).detach();
  spawn(waits_in_a_receive(std::move(empty.receiver), receiver_ended)).detach();
  co_await a_turn_later();
}

}  // namespace

PERCORE_CHECK("close", closed_and_empty, "H5",
              "what was sent before the close can still be received, and after that nothing comes",
              a_channel, .seeds = 40) {
  run.waits_for("a receive from a channel whose sender has closed");
  run_on_executor(closes_with_values_inside(run.size(0, 10)));
}

PERCORE_CHECK("close", a_sender_goes, "H5", "destroying a sender closes it", a_channel) {
  run.waits_for("a receive from a sender that is closed and gone");
  auto [sender, receiver] = shared_channel<Boxed>(std::size_t{1} << run.random(3));
  const unsigned count = run.size(0, 12);
  const auto pause = static_cast<unsigned>(run.chance(50) ? 0 : run.random(80'000));
  unsigned received = 0;
  run_on_two_executors(sends_and_goes(std::move(sender), count, pause),
                       receives_until_closed(std::move(receiver), received));
  require(received == count, "{} values were sent before the close, and {} came", count, received);
}

PERCORE_CHECK("close", a_receiver_goes, "H6", "when the receiver has closed, no send succeeds",
              a_channel) {
  run.waits_for("a send to a receiver that is closed and gone");
  auto [sender, receiver] = shared_channel<Boxed>(std::size_t{1} << run.random(3));
  const unsigned count = run.size(0, 12);
  const auto pause = static_cast<unsigned>(run.chance(50) ? 0 : run.random(80'000));
  unsigned sent = 0;
  run_on_two_executors(sends_until_closed(std::move(sender), sent),
                       receives_some_and_goes(std::move(receiver), count, pause));
  require(sent >= count, "{} sends succeeded, and {} values came", sent, count);
}

PERCORE_CHECK("close", who_goes_last_destroys, "H7",
              "a value that was not received is destroyed by the end that goes last", a_channel,
              .seeds = 60) {
  run.waits_for("the close of the receiver");
  auto ends = shared_channel<Mourned>(4);
  Mourned::Graves graves;
  std::thread::id sender_thread;
  {
    // The ends live in the tasks from here on.
    auto [sender, receiver] = std::move(ends);
    run_on_two_executors(leaves_three(std::move(sender), graves, sender_thread),
                         takes_one(std::move(receiver)));
  }
  require(graves.dug == 3, "3 values were sent, both ends are gone, and {} are destroyed",
          graves.dug);
  require(graves.last_on == sender_thread,
          "the last value was destroyed on the thread of the receiver, and the sender went last");
}

PERCORE_CHECK("close", nobody_waits_at_the_end, "H8",
              "at the end of an executor a send that waits gives ECANCELED, a receive nothing",
              a_channel, .seeds = 40) {
  run.waits_for("the end of an executor on which a task waits in each end");
  // The other ends outlive the executor: no close comes before its end.
  auto full = shared_channel<unsigned>(1);
  auto empty = shared_channel<unsigned>(1);
  bool sender_ended = false, receiver_ended = false;
  run_on_executor(ends_while_two_wait(full, empty, sender_ended, receiver_ended));
  require(sender_ended, "the executor has ended, and a send still waits");
  require(receiver_ended, "the executor has ended, and a receive still waits");
}

PERCORE_CHECK("close", who_need_not_wait_goes_on, "H8",
              "at the end of an executor only who has to wait is told so", a_channel, .seeds = 20) {
  run.waits_for("the end of an executor");
  auto other = shared_channel<unsigned>(1);
  bool ended = false;
  run_on_executor(spawns_who_goes_on(other, ended));
  require(ended, "the executor has ended, and a task still waits");
}

PERCORE_CHECK(
    "close", room_and_a_close_at_once, "H6",
    "a send that waits gives EPIPE when the receiver has closed, also where there is room",
    a_channel, .seeds = 20) {
  run.waits_for("the send that waits for room, when the receiver has closed");
  run_on_executor(takes_one_and_closes());
}

PERCORE_CHECK("close", closed_is_closed_at_the_end, "H6",
              "when the receiver has closed a send gives EPIPE, also at the end of its executor",
              a_channel, .seeds = 10) {
  run.waits_for("the end of an executor");
  auto other = shared_channel<unsigned>(1);
  bool ended = false;
  run_on_executor(spawns_who_sends_at_the_end(other, ended));
  require(ended, "the executor has ended, and a task still waits");
}

PERCORE_CHECK("close", what_is_certain_is_waited_for, "H8",
              "receive_through_end() waits on when its executor ends", a_channel, .seeds = 20) {
  run.waits_for("a value that comes after the receiver's executor has begun to end");
  auto [sender, receiver] = shared_channel<unsigned>(2);
  bool came = false;  // threads run one at a time
  run_on_two_executors(sends_late(std::move(sender)),
                       spawns_who_waits_on(std::move(receiver), came));
  require(came, "the executor has ended, and a task still waits in receive_through_end()");
}

PERCORE_CHECK("close", who_has_closed_receives_nothing, "H6",
              "a receiver that has closed receives nothing more", a_channel, .seeds = 5) {
  run.waits_for("a receive by an end that is closed");
  run_on_executor(closes_and_receives());
}
