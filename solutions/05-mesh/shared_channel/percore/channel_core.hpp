#pragma once

#include <percore/spsc_queue.hpp>

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
    queue.publish();
    return claim(consumer_waits_);
  }

  bool wait_for_room() noexcept {
    say_waiting(producer_waits_);
    if (!queue.has_room() && !consumer_closed()) return true;
    producer_waits_.store(false, std::memory_order_relaxed);
    return false;
  }

  bool consumer_closed() const noexcept { return consumer_closed_.load(std::memory_order_acquire); }

  bool close_producer() noexcept {
    queue.publish();
    // release: who sees it sees everything that was published.
    producer_closed_.store(true, std::memory_order_release);
    return claim(consumer_waits_);
  }

  // --- the consumer's ---

  bool release() noexcept {
    queue.release();
    return claim(producer_waits_);
  }

  bool wait_for_value() noexcept {
    say_waiting(consumer_waits_);
    if (queue.front() == nullptr && !producer_closed_.load(std::memory_order_acquire)) return true;
    consumer_waits_.store(false, std::memory_order_relaxed);
    return false;
  }

  bool drained() noexcept {
    if (queue.front() != nullptr || !producer_closed_.load(std::memory_order_acquire)) return false;
    return queue.front() == nullptr;  // what came between the two looks
  }

  bool close_consumer() noexcept {
    consumer_closed_.store(true, std::memory_order_release);
    return claim(producer_waits_);
  }

  SpscQueue<T> queue;

 private:
  static void say_waiting(atomic<bool>& waits) noexcept {
    // release: whoever sees it sees whom to ring.
    waits.store(true, std::memory_order_release);
    atomic_thread_fence(std::memory_order_seq_cst);  // before the second look
  }

  // Whether the other end waits: then it is ours to ring, and nobody else's.
  static bool claim(atomic<bool>& waits) noexcept {
    atomic_thread_fence(std::memory_order_seq_cst);  // behind what was published
    if (!waits.load(std::memory_order_acquire)) return false;
    waits.store(false, std::memory_order_relaxed);
    return true;
  }

  atomic<bool> consumer_waits_{false};
  atomic<bool> producer_waits_{false};
  atomic<bool> producer_closed_{false};
  atomic<bool> consumer_closed_{false};
};

}  // namespace percore
