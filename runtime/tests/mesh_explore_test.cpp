// The lock-free parts of the mesh in every order and with every stale read: the queue, the bell,
// and a channel that is closed from either side. The very headers that the runtime is made of.
#include <percore/bell_word.hpp>
#include <percore/channel_core.hpp>
#include <percore/clock.hpp>
#include <percore/explore.hpp>
#include <percore/spsc_queue.hpp>

#include <doctest/doctest.h>

using namespace percore;
namespace explore = percore::explore;
using explore::Tracked;

namespace {

void holds(const explore::Outcome& outcome) {
  CHECK_MESSAGE(outcome.passed(), outcome.sentence, "\n", outcome.history);
  CHECK((outcome.every_schedule || outcome.preemptions == 3));
  MESSAGE(outcome.summary());
}

bool push(SpscQueue<Tracked>& queue, unsigned number) {
  Tracked item = number;
  return queue.try_push(item);
}

// A thread that waits as an executor does: bits of the bell, or sleep.
struct Sleeper {
  BellWord word;
  Parking parking;

  void ring(unsigned number) {
    if (word.note(number)) parking.wake();
  }
  std::uint64_t wait() {
    while (!word.rung())
      if (word.try_to_sleep()) parking.sleep();
    return word.take();
  }
};

// One end of a channel and how it is reached.
struct End {
  Sleeper sleeper;
  template <typename Waits>
  void wait_while(Waits still_waits) {
    // Each ring is followed by a look that asks again.
    while (still_waits()) sleeper.wait();
  }
};

// Whether an end still waits, as one asks that was rung or watched, where the channel tells that
// apart from the first question.
template <typename Core>
bool waits_for_value(Core& core) {
  if constexpr (requires { core.value_came(); }) return !core.value_came();
  return core.wait_for_value();
}
// Whether to ring; where a channel cannot, it publishes at the end of the turn alone.
template <typename Core>
bool publishes_early(Core& core) {
  if constexpr (requires { core.publish_early(); }) return core.publish_early();
  return false;
}
template <typename Core>
bool waits_for_room(Core& core) {
  if constexpr (requires { core.room_came(); }) return !core.room_came();
  return core.wait_for_room();
}

}  // namespace

TEST_CASE("queue: three items at each end of a queue of two") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    SpscQueue<Tracked> queue(2);
    unsigned pushed = 0, popped = 0;
    threads.spawn("producer", [&] {
      for (unsigned i = 0; i < 3; ++i)
        if (push(queue, pushed + 1)) ++pushed;
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 0; i < 3; ++i) {
        const auto item = queue.try_pop();
        if (!item) continue;
        explore::require(item->value() == popped + 1, "item {} came in place of {}", *item,
                         popped + 1);
        ++popped;
      }
    });
    threads.run();
    while (queue.try_pop()) ++popped;
    explore::require(popped == pushed, "{} items were pushed and {} popped", pushed, popped);
  }));
}

TEST_CASE("queue: batches are published and released at once, round the end of the ring") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    SpscQueue<Tracked> queue(2);
    unsigned pushed = 0, popped = 0;
    const auto stage = [&] {
      Tracked item = pushed + 1;
      if (queue.stage(item)) ++pushed;
    };
    threads.spawn("producer", [&] {
      for (int batch = 0; batch < 2; ++batch) {
        stage();
        stage();
        queue.publish();
      }
    });
    threads.spawn("consumer", [&] {
      for (int batch = 0; batch < 2; ++batch) {
        while (Tracked* const item = queue.front()) {
          explore::require(item->value() == popped + 1, "item {} came in place of {}", *item,
                           popped + 1);
          queue.pop();
          ++popped;
        }
        queue.release();
      }
    });
    threads.run();
    while (queue.try_pop()) ++popped;
    explore::require(popped == pushed, "{} items were pushed and {} popped", pushed, popped);
  }));
}

TEST_CASE(
    "bell: what is published before a ring is seen after it, by one who sleeps or is about to") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    Sleeper owner;
    SpscQueue<Tracked> first(1), second(1);
    const auto rings = [&](SpscQueue<Tracked>& queue, unsigned number) {
      explore::require(push(queue, number), "no room for {}", number);
      owner.ring(number);
    };
    threads.spawn("one", [&] { rings(first, 1); });
    threads.spawn("other", [&] { rings(second, 2); });
    threads.spawn("owner", [&] {
      std::uint64_t seen = 0;
      while (seen != 0b110) {
        const std::uint64_t bits = owner.wait();
        if ((bits & 0b010) != 0)
          explore::require(first.try_pop().has_value(), "1 rang for nothing");
        if ((bits & 0b100) != 0)
          explore::require(second.try_pop().has_value(), "2 rang for nothing");
        seen |= bits;
      }
    });
    threads.run();
  }));
}

TEST_CASE("bell: of two who ring while the owner sleeps one wakes it") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    BellWord word;
    unsigned wakers[2] = {};
    explore::require(word.try_to_sleep(), "nobody has rung");
    for (unsigned i = 0; i < 2; ++i)
      threads.spawn(i == 0 ? "one" : "other", [&, i] { wakers[i] = word.note(i) ? 1 : 0; });
    threads.run();
    explore::require(wakers[0] + wakers[1] == 1, "{} of two who ring wake", wakers[0] + wakers[1]);
    explore::require(word.take() == 0b11, "one of the rings is lost");
  }));
}

namespace {

template <typename Value, typename Room>
void stream_and_close(Value needs_value, Room needs_room) {
  holds(explore::explore({}, [&](explore::Threads& threads) {
    ChannelCore<Tracked> core(1);
    End producer, consumer;
    unsigned received = 0;
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        producer.wait_while([&] { return needs_room(core); });
        Tracked item = i;
        explore::require(core.queue.stage(item), "no room for {} after the wait", i);
        if (core.publish()) consumer.sleeper.ring(0);
      }
      if (core.close_producer()) consumer.sleeper.ring(0);
    });
    threads.spawn("consumer", [&] {
      while (!core.drained()) {
        consumer.wait_while([&] { return needs_value(core); });
        Tracked* const item = core.queue.front();
        if (item == nullptr) continue;  // it was the close
        explore::require(item->value() == ++received, "{} came in place of {}", *item, received);
        core.queue.pop();
        if (core.release()) producer.sleeper.ring(0);
      }
    });
    threads.run();
    explore::require(received == 2, "{} of 2 items were received", received);
  }));
}

}  // namespace

TEST_CASE("channel: a sender that waits for room, a receiver that waits for values, a close") {
  stream_and_close([](auto& core) { return core.wait_for_value(); },
                   [](auto& core) { return core.wait_for_room(); });
}

TEST_CASE("channel: the same, where each asks as one who was watched") {
  stream_and_close([](auto& core) { return waits_for_value(core); },
                   [](auto& core) { return waits_for_room(core); });
}

TEST_CASE("channel: a receiver that closes sets a sender free that waits for room") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(1);
    End producer, consumer;
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 3 && !core.consumer_closed(); ++i) {
        producer.wait_while([&] { return waits_for_room(core); });
        Tracked item = i;
        if (!core.consumer_closed() && core.queue.stage(item) && core.publish())
          consumer.sleeper.ring(0);
      }
      static_cast<void>(core.close_producer());
    });
    threads.spawn("consumer", [&] {
      consumer.wait_while([&] { return waits_for_value(core); });
      explore::require(core.queue.try_pop().has_value(), "the wait ended without a value");
      if (core.close_consumer()) producer.sleeper.ring(0);
    });
    threads.run();
  }));
}

TEST_CASE("channel: what is published early, with no fence, is rung for by the end of the turn") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(2);
    End consumer;
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        Tracked item = i;
        explore::require(core.queue.stage(item), "no room for {}", i);
        if (publishes_early(core)) consumer.sleeper.ring(0);
      }
      if (core.publish()) consumer.sleeper.ring(0);
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 1; i <= 2; ++i) {
        consumer.wait_while([&] { return waits_for_value(core); });
        const auto item = core.queue.try_pop();
        explore::require(item && item->value() == i, "{} did not come", i);
      }
    });
    threads.run();
  }));
}

TEST_CASE("channel: who is rung in vain, by a slow ring for what it has taken already, waits on") {
  // The receiver takes the second value in its look before it waits, and waits again: the ring for
  // the first wait may come only then.
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(4);
    End consumer;
    threads.spawn("producer", [&] {
      for (unsigned i = 1; i <= 3; ++i) {
        Tracked item = i;
        explore::require(core.queue.stage(item), "no room for {}", i);
        if (core.publish()) consumer.sleeper.ring(0);
      }
    });
    threads.spawn("consumer", [&] {
      for (unsigned i = 1; i <= 3; ++i) {
        consumer.wait_while([&] { return waits_for_value(core); });
        const auto item = core.queue.try_pop();
        explore::require(item && item->value() == i, "{} did not come", i);
      }
    });
    threads.run();
  }));
}

TEST_CASE("channel: what a close publishes is there for a receiver that never waits") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(2);
    unsigned received = 0;
    threads.spawn("producer", [&] {
      Tracked item = 1;
      explore::require(core.queue.stage(item), "no room");
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
    explore::require(received == 1, "the channel was drained and {} of 1 were received", received);
  }));
}

TEST_CASE("channel: both ends close at the same time") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(1);
    End producer, consumer;
    threads.spawn("producer", [&] {
      Tracked item = 1;
      explore::require(core.queue.stage(item), "no room");
      if (core.publish()) consumer.sleeper.ring(0);
      // It waits for room that does not come: the close, or the value that was taken, sets it free.
      producer.wait_while([&] { return waits_for_room(core); });
      if (core.close_producer()) consumer.sleeper.ring(0);
    });
    threads.spawn("consumer", [&] {
      consumer.wait_while([&] { return waits_for_value(core); });
      if (core.close_consumer()) producer.sleeper.ring(0);
    });
    threads.run();
    explore::require(core.consumer_closed(), "the channel is closed and does not say so");
  }));
}

TEST_CASE("channel: what was published early is there when the sender closes behind it") {
  holds(explore::explore({}, [](explore::Threads& threads) {
    ChannelCore<Tracked> core(2);
    End consumer;
    unsigned received = 0;
    threads.spawn("producer", [&] {
      Tracked item = 1;
      explore::require(core.queue.stage(item), "no room");
      if (publishes_early(core)) consumer.sleeper.ring(0);
      if (core.close_producer()) consumer.sleeper.ring(0);
    });
    threads.spawn("consumer", [&] {
      while (!core.drained()) {
        consumer.wait_while([&] { return waits_for_value(core); });
        if (core.queue.try_pop()) ++received;
      }
    });
    threads.run();
    explore::require(received == 1, "{} of 1 were received", received);
  }));
}
