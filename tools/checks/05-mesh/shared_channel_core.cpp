// 05.7 shared_channel, step core: who must be rung, as one thread sees it, beside a model of it.

#include <percore/channel_core.hpp>
#include <percore/check.hpp>

using percore::ChannelCore;
using percore::check::require;
using percore::check::Run;

namespace {

constexpr const char* a_channel = "Lesson 05, *A channel between two cores*";

/// A core and what is to be known of it.
struct Both {
  explicit Both(std::size_t capacity) : core(capacity) {}

  ChannelCore<int> core;
  std::size_t staged = 0;
  std::size_t published = 0;  // and not taken
  std::size_t popped = 0;
  bool producer_waits = false;
  bool consumer_waits = false;
  bool producer_closed = false;
  bool consumer_closed = false;

  bool full() const { return staged + published + popped == core.queue.capacity(); }

  void rings(const char* what, bool said, bool& other_waits) {
    require(said || !other_waits, "{} says that nobody waits, and the other end does", what);
    require(!said || other_waits,
            "{} says that the other end is to be rung, and it does not wait, or was rung already",
            what);
    other_waits = false;
  }
  void stage() {
    int value = 7;
    if (!producer_closed && core.queue.stage(value)) ++staged;
  }
  void publish() {
    const bool said = core.publish();
    published += std::exchange(staged, 0);
    require(said || published == 0 || core.queue.front() != nullptr,
            "publish() was called, and the consumer sees nothing");
    rings("publish()", said, consumer_waits);
  }
  void pop() {
    if (core.queue.front() == nullptr) return;
    core.queue.pop();
    --published;
    ++popped;
  }
  void release() {
    const bool said = core.release();
    popped = 0;
    require(core.queue.popped() == 0, "release() was called, and {} slots are not given back",
            core.queue.popped());
    rings("release()", said, producer_waits);
  }
  void wait_for_room() {
    const bool said = core.wait_for_room();
    require(!said || full(), "wait_for_room() waits, and there is room");
    require(!said || !consumer_closed, "wait_for_room() waits, and the consumer has closed");
    require(said || !full() || consumer_closed,
            "wait_for_room() does not wait, and there is no room");
    producer_waits = said;
  }
  void wait_for_value() {
    const bool said = core.wait_for_value();
    require(!said || published == 0, "wait_for_value() waits, and there is a value");
    require(!said || !producer_closed, "wait_for_value() waits, and the producer has closed");
    require(said || published != 0 || producer_closed,
            "wait_for_value() does not wait, and there is no value");
    consumer_waits = said;
  }
  void look() {
    require(core.consumer_closed() == consumer_closed, "consumer_closed() is {}",
            core.consumer_closed());
    const bool drained = core.drained();
    require(!drained || producer_closed, "drained() is true, and the producer has not closed");
    require(!drained || published == 0, "drained() is true, and {} values can still be taken",
            published);
    require(drained || !producer_closed || published != 0,
            "drained() is false, the producer has closed, and nothing is left");
  }
  void close_producer() {
    producer_closed = true;
    const bool said = core.close_producer();
    published += std::exchange(staged, 0);
    require(published == 0 || core.queue.front() != nullptr,
            "close_producer() was called, and what was staged before is not published");
    rings("close_producer()", said, consumer_waits);
  }
  void close_consumer() {
    consumer_closed = true;
    rings("close_consumer()", core.close_consumer(), producer_waits);
  }
};

}  // namespace

PERCORE_CHECK("core", rings_who_waits, "H3",
              "an end that waits is rung, and one that does not wait is never rung", a_channel,
              .faults = false, .ring = false) {
  Both both(std::size_t{1} << run.random(3));
  const unsigned actions = run.size(1, 60);
  for (unsigned i = 0; i < actions; ++i) {
    run.operation(i);
    switch (run.random(8)) {
      case 0:
        both.stage();
        break;
      case 1:
        both.publish();
        break;
      case 2:
        both.pop();
        break;
      case 3:
        both.release();
        break;
      case 4:
        both.wait_for_room();
        break;
      case 5:
        both.wait_for_value();
        break;
      case 6:
        both.look();
        break;
      default:
        if (i < actions / 2) break;  // much must happen before
        if (run.chance(50))
          both.close_producer();
        else
          both.close_consumer();
    }
  }
}
