#pragma once

#include <percore/spsc_queue.hpp>

namespace percore {

/// What the two ends of a shared channel have in common: the queue, who waits, who has closed. It
/// knows neither tasks nor executors, so that the schedule explorer can run it.
///
/// An end that finds nothing to do says that it waits, fences, looks once more, and only then
/// waits. The other end publishes, fences, and only then looks whether somebody waits. The fences
/// are sequentially consistent, so one of the two sees the other: without them each could read the
/// old value, and the wake-up would be lost.
/// Thread   producer's functions one, consumer's functions one.
template <typename T>
class ChannelCore {
 public:
  explicit ChannelCore(std::size_t capacity) : queue(capacity) {}

  // --- the producer's ---

  /// Returns whether the consumer waits for it: the caller must ring. True once for each wait.
  bool publish() noexcept {
    queue.publish();
    return claim(consumer_waits_);
  }

  /// The same without the fence: for one who calls publish() soon after. A consumer that has said
  /// just now that it waits may be missed until then.
  bool publish_early() noexcept {
    queue.publish();
    return consumer_waits_.load(std::memory_order_relaxed) && claim(consumer_waits_);
  }

  /// There is room, or the consumer has closed.
  bool has_room_or_end() noexcept { return queue.has_room() || consumer_closed(); }

  /// Says that the producer waits for room. False: there is some, or the consumer has closed.
  bool wait_for_room() noexcept {
    say_waiting(producer_waits_);
    if (!has_room_or_end()) return true;
    producer_waits_.store(false, std::memory_order_relaxed);
    return false;
  }

  /// Of one who waits and was rung: whether there is room, or the consumer has closed. Asked again
  /// after each ring.
  bool room_came() noexcept {
    if (!has_room_or_end()) return !wait_for_room();
    waits_no_more(producer_waits_);
    return true;
  }

  bool consumer_closed() const noexcept { return consumer_closed_.load(std::memory_order_acquire); }

  /// Publishes what was staged and says that no more will come. Returns as publish().
  bool close_producer() noexcept {
    queue.publish();
    // release: who sees it sees everything that was published.
    producer_closed_.store(true, std::memory_order_release);
    return claim(consumer_waits_);
  }

  // --- the consumer's ---

  /// Returns whether the producer waits for the room: the caller must ring.
  bool release() noexcept {
    queue.release();
    return claim(producer_waits_);
  }

  /// There is a value, or the producer has closed.
  bool has_value_or_end() noexcept {
    return queue.front() != nullptr || producer_closed_.load(std::memory_order_acquire);
  }

  /// Says that the consumer waits for a value. False: there is one, or the producer has closed.
  bool wait_for_value() noexcept {
    say_waiting(consumer_waits_);
    if (!has_value_or_end()) return true;
    consumer_waits_.store(false, std::memory_order_relaxed);
    return false;
  }

  /// Of one who waits and was rung: whether there is a value, or the producer has closed. Asked
  /// again after each ring.
  bool value_came() noexcept {
    if (!has_value_or_end()) return !wait_for_value();
    waits_no_more(consumer_waits_);
    return true;
  }

  /// The producer has closed and everything is taken.
  bool drained() noexcept {
    if (queue.front() != nullptr || !producer_closed_.load(std::memory_order_acquire)) return false;
    return queue.front() == nullptr;  // what came between the two looks
  }

  /// Says that nothing will be taken any more: the queue is the producer's alone from here on.
  bool close_consumer() noexcept {
    consumer_closed_.store(true, std::memory_order_release);
    return claim(producer_waits_);
  }

  SpscQueue<T> queue;

 private:
  static void say_waiting(atomic<bool>& waits) noexcept {
    // release: whoever sees it sees whom to ring.
    waits.store(true, std::memory_order_release);
    atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in claim()
  }

  // Whoever rang has cleared the flag, so its line is only read. It is still set where the owner
  // was rung for something else.
  static void waits_no_more(atomic<bool>& waits) noexcept {
    if (waits.load(std::memory_order_relaxed)) waits.store(false, std::memory_order_relaxed);
  }

  // Whoever clears the flag rings, and whoever is rung in vain says anew that it waits. So it does
  // no harm that a slow claim of an earlier wait clears the flag of a later one.
  static bool claim(atomic<bool>& waits) noexcept {
    atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in say_waiting()
    if (!waits.load(std::memory_order_acquire)) return false;
    waits.store(false, std::memory_order_relaxed);
    return true;
  }

  // Each is set by one end and cleared by the other, and both only when an end waits.
  alignas(cache_line_bytes) atomic<bool> consumer_waits_{false};
  atomic<bool> producer_closed_{false};
  alignas(cache_line_bytes) atomic<bool> producer_waits_{false};
  atomic<bool> consumer_closed_{false};
};

}  // namespace percore
