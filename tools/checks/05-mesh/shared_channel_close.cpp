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
Task<> waits_in_a_receive(SharedReceiver<unsigned> receiver, bool& ended) {
  const auto value = co_await receiver.receive();
  require(!value.has_value(), "at the end of its executor a receive gave a value that nobody sent");
  const auto again = co_await receiver.receive();
  require(!again.has_value(), "while its executor ends a receive gave a value that nobody sent");
  ended = true;
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
