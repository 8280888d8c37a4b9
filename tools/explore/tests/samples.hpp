#pragma once

/// Lock-free samples, right and wrong by their memory orders, in the form a learner gives them.

#include <percore/atomic.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace percore {

/// The memory orders of a queue, so that each can be weakened.
struct QueueOrders {
  std::memory_order publish = std::memory_order_release;       ///< producer: the new tail
  std::memory_order see_items = std::memory_order_acquire;     ///< consumer: the tail
  std::memory_order release_slot = std::memory_order_release;  ///< consumer: the new head
  std::memory_order see_room = std::memory_order_acquire;      ///< producer: the head
};

/// A bounded queue of one producer and one consumer. Head and tail count up for ever.
template <typename T, std::size_t CAPACITY>
class SampleQueue {
 public:
  explicit SampleQueue(const QueueOrders& orders) : orders_(orders) {}

  bool try_push(T item) {
    const unsigned tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(orders_.see_room) == CAPACITY) return false;
    slots_[tail % CAPACITY] = std::move(item);
    tail_.store(tail + 1, orders_.publish);
    return true;
  }

  [[nodiscard]] bool has_items() const {
    return head_.load(std::memory_order_relaxed) != tail_.load(orders_.see_items);
  }

  std::optional<T> try_pop() {
    const unsigned head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(orders_.see_items)) return std::nullopt;
    std::optional<T> item(std::move(slots_[head % CAPACITY]));
    head_.store(head + 1, orders_.release_slot);
    return item;
  }

 private:
  QueueOrders orders_;
  std::array<T, CAPACITY> slots_;
  atomic<unsigned> head_{0};
  atomic<unsigned> tail_{0};
};

/// How a doorbell keeps a wake-up from being lost, so that each part can be left out.
struct DoorbellProtocol {
  std::memory_order sleeper_fence = std::memory_order_seq_cst;
  std::memory_order waker_fence = std::memory_order_seq_cst;
  std::memory_order flag = std::memory_order_relaxed;
  bool second_look = true;
  bool look_before_flag = false;  ///< the second look comes before the flag is set
};

/// A sleeping flag and a parking place. The sleeper says that it sleeps, looks once more, sleeps;
/// the waker has published, and rings only where somebody sleeps.
class SampleDoorbell {
 public:
  explicit SampleDoorbell(const DoorbellProtocol& protocol) : protocol_(protocol) {}

  template <typename HasWork>
  void wait(HasWork has_work) {
    const bool seen_early = protocol_.look_before_flag && has_work();
    sleeping_.store(true, protocol_.flag);
    atomic_thread_fence(protocol_.sleeper_fence);
    const bool seen = protocol_.look_before_flag ? seen_early : protocol_.second_look && has_work();
    if (!seen) parking_.sleep();
    sleeping_.store(false, std::memory_order_relaxed);
  }

  void ring() {
    atomic_thread_fence(protocol_.waker_fence);
    if (sleeping_.load(protocol_.flag)) parking_.wake();
  }

 private:
  DoorbellProtocol protocol_;
  atomic<bool> sleeping_{false};
  Parking parking_;
};

}  // namespace percore
