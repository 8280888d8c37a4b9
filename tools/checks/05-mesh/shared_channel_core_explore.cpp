// 05.7 shared_channel, step core: two ends that wait and close, in every order.

#include <percore/bell_word.hpp>
#include <percore/channel_core.hpp>
#include <percore/check.hpp>
#include <percore/clock.hpp>
#include <percore/explore.hpp>
#include <utility>

using percore::BellWord;
using percore::ChannelCore;
using percore::cpu_relax;
using percore::Parking;
using percore::explore::require;
using percore::explore::Threads;
using percore::explore::Tracked;

namespace {

constexpr const char* a_channel = "Lesson 05, *A channel between two cores*";

/// One end: a thread that sleeps until it is rung.
struct End {
  BellWord word;
  Parking parking;
  // Which bell to ring, and which number: plain memory, written by the end before it first says
  // that it waits, and read by whoever is told to ring.
  Tracked address;
  bool bound = false;

  void ring() {
    require(address.value() == 1,
            "the other end is to be rung, and where it is, is not to be seen");
    if (word.note(0)) parking.wake();
  }
  /// Each ring is followed by a look that asks again.
  template <typename Waits>
  void wait_while(Waits still_waits) {
    if (!std::exchange(bound, true)) address = Tracked(1);
    while (still_waits()) {
      while (!word.rung())
        if (word.try_to_sleep()) parking.sleep();
      word.take();
    }
  }
};

void send(ChannelCore<Tracked>& core, unsigned number, End& consumer) {
  Tracked item = number;
  require(core.queue.stage(item), "the wait is over, and there is no room for {}", number);
  if (core.publish()) consumer.ring();
}

}  // namespace

PERCORE_CHECK("core", no_wake_up_is_lost, "H3",
              "an end that waits is rung when what it waits for has come", a_channel, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    ChannelCore<Tracked> core(1);
    End producer, consumer;
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        producer.wait_while([&] { return core.wait_for_room(); });
        send(core, i, consumer);
      }
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        consumer.wait_while([&] { return core.wait_for_value(); });
        Tracked* const item = core.queue.front();
        require(item != nullptr, "the wait is over, and there is no value");
        require(item->value() == i, "{} came in place of {}", *item, i);
        core.queue.pop();
        if (core.release()) producer.ring();
      }
    });
    threads.run();
  });
}

PERCORE_CHECK("core", a_close_wakes_the_receiver, "H3",
              "an end that waits is rung when the other end closes", a_channel, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    ChannelCore<Tracked> core(1);
    End consumer;
    threads.spawn("producer", [&] {
      if (core.close_producer()) consumer.ring();
    });
    threads.spawn("consumer", [&] {
      consumer.wait_while([&] { return core.wait_for_value(); });
      require(core.drained(), "the wait is over, nothing came, and drained() is false");
    });
    threads.run();
  });
}

PERCORE_CHECK("core", a_close_wakes_the_sender, "H6",
              "a send that waits is told when the receiver closes", a_channel, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    ChannelCore<Tracked> core(1);
    End producer;
    Tracked item = 1;
    require(core.queue.stage(item), "no room in an empty queue");
    static_cast<void>(core.publish());
    threads.spawn("producer", [&] {
      producer.wait_while([&] { return core.wait_for_room(); });
      require(core.consumer_closed(),
              "the wait is over without room, and consumer_closed() is false");
    });
    threads.spawn("consumer", [&] {
      if (core.close_consumer()) producer.ring();
    });
    threads.run();
  });
}

PERCORE_CHECK("core", nothing_is_left_behind, "H5",
              "what was sent before the close can still be received", a_channel, .seeds = 1,
              .faults = false, .ring = false) {
  percore::explore::check({.preemptions = 2}, [](Threads& threads) {
    ChannelCore<Tracked> core(2);
    unsigned received = 0;
    threads.spawn("producer", [&] {
      Tracked item = 1;
      require(core.queue.stage(item), "no room in an empty queue");
      static_cast<void>(core.close_producer());
    });
    threads.spawn("consumer", [&] {
      while (!core.drained()) {
        if (core.queue.try_pop())
          ++received;
        else
          cpu_relax();
      }
    });
    threads.run();
    require(received == 1, "drained() is true, and of 1 value sent before the close {} came",
            received);
  });
}
