#pragma once

#include <percore/spsc_queue.hpp>

// What two threads share, in one step:
//
// - Step "core" (H3, H5): who waits, and who has closed. It knows no executor, so the schedule
//   explorer runs it. Use percore::atomic and percore::atomic_thread_fence, and give each load and
//   store the weakest order that does. The contract, <percore/contract/shared_channel.hpp>, says
//   what each function promises.

namespace percore {

/// What the two ends of a shared channel have in common: the queue, who waits, who has closed. See
/// contract/shared_channel.hpp.
/// Thread   producer's functions one, consumer's functions one.
template <typename T>
class ChannelCore {
 public:
  explicit ChannelCore(std::size_t capacity) : queue(capacity) {}

  // --- the producer's ---

  bool publish() noexcept {
    // TODO core (H3): publishes what was staged. Whether the consumer waits: then the caller rings.
    return false;
  }

  bool wait_for_room() noexcept {
    // TODO core (H3): says that the producer waits, and looks once more: for room, or a consumer
    // that has closed. True: it waits. False: it does not, and nobody may ring for it.
    return false;
  }

  bool consumer_closed() const noexcept {
    // TODO core (H6)
    return false;
  }

  bool close_producer() noexcept {
    // TODO core (H5): publishes what was staged, and says that no more will come. As publish().
    return false;
  }

  // --- the consumer's ---

  bool release() noexcept {
    // TODO core (H3): gives back what was popped. Whether the producer waits: then the caller
    // rings.
    return false;
  }

  bool wait_for_value() noexcept {
    // TODO core (H3): as wait_for_room(): for a value, or a producer that has closed.
    return false;
  }

  bool drained() noexcept {
    // TODO core (H5): the producer has closed, and everything is taken. What if the last value
    // comes between your two looks?
    return false;
  }

  bool close_consumer() noexcept {
    // TODO core (H6): says that nothing will be taken any more. As release().
    return false;
  }

  SpscQueue<T> queue;

 private:
  // TODO core: the flags are read by the other end. The sitting on the doorbell has both halves of
  // what is needed here: what an end does that waits, and what one does that has published.
  atomic<bool> consumer_waits_{false};
  atomic<bool> producer_waits_{false};
  atomic<bool> producer_closed_{false};
  atomic<bool> consumer_closed_{false};
};

}  // namespace percore
