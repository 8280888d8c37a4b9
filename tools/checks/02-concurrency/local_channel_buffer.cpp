// 02.6 local_channel, step buffer: nobody waits.

#include "01-hello-world/assertions.hpp"
#include "channel_support.hpp"

using namespace checks;

PERCORE_CHECK("buffer", values_come_out_in_their_order, "L1",
              "values come out in the order in which they went in; each once, none is lost",
              the_channel, .ring = false) {
  ChannelStory story(run, 1 + run.random(5));
  require(story.channel.capacity() == story.capacity,
          "a channel of {} says that its capacity() is {}", story.capacity,
          story.channel.capacity());
  const unsigned steps = run.size(1, 80);
  const auto sends_percent = 30 + static_cast<unsigned>(run.random(50));
  for (unsigned step = 0; step < steps; ++step) {
    run.operation(step);
    if (run.chance(sends_percent)) {
      story.try_send();
      story.compare("a try_send()");
    } else {
      story.try_receive();
      story.compare("a try_receive()");
      story.expect_empty_places();
    }
  }
}

PERCORE_CHECK("buffer", what_lies_in_it_goes_with_it, "L1",
              "values that lie in a channel are destroyed with it", the_channel, .seeds = 20,
              .ring = false) {
  const std::int64_t blocks = live_allocations();
  Counted::alive = 0;
  {
    Channel channel(4);
    for (unsigned i = 0; i < run.random(8); ++i) {
      Counted value(i);
      static_cast<void>(channel.try_send(value));
      if (run.chance(30)) static_cast<void>(channel.try_receive());
    }
  }
  require(Counted::alive == 0, "the channel is gone, and {} values that lay in it are {}",
          std::abs(Counted::alive), Counted::alive > 0 ? "still alive" : "destroyed twice");
  require(live_allocations() == blocks, "the channel is gone, and {} blocks of memory are taken",
          live_allocations() - blocks);
}

PERCORE_CHECK("buffer", its_memory_is_taken_at_once, "L2",
              "the memory of a channel is taken when it is made, and nowhere else", the_channel,
              .seeds = 1, .ring = false) {
  Channel channel(3);
  const auto before = percore::sim::counts().allocations;
  for (unsigned i = 0; i < 20; ++i) {
    Counted value(i);
    static_cast<void>(channel.try_send(value));
    if (i % 3 != 0) static_cast<void>(channel.try_receive());
  }
  const auto made = percore::sim::counts().allocations - before;
  require(made == 0, "20 values went into a channel of 3, and that allocated {} times", made);
}

PERCORE_CHECK("buffer", there_is_room_for_one, "L2", "a channel has room for one value at least",
              the_channel, .seeds = 1, .ring = false) {
  require(ends_the_program([] { static_cast<void>(new Channel(0)); }),
          "a channel of capacity 0 was made, and the program went on: nothing could ever be sent");
}
