#pragma once

#include <bit>
#include <memory>
#include <percore/contract/spsc_queue.hpp>
#include <utility>

// A queue from one thread to one other, in three steps. The contract,
// <percore/contract/spsc_queue.hpp>, has the invariants B1 to B6 and what each function promises:
// keep it open beside this.
//
// - Step "ring" (B1, B3, B4): the queue as one thread sees it.
// - Step "orders" (B2, B3): the memory order of each load and store of an atomic.
// - Step "lines" (B5): each end's fields in cache lines of their own.
//
// Atomics are percore::atomic and std::memory_order_..., so that the schedule explorer can run this
// file.

namespace percore {

/// A bounded queue from one thread to one other, without locks. See contract/spsc_queue.hpp.
/// Thread   producer's functions one, consumer's functions one.
template <typename T>
class SpscQueue {
  // Memory for a value that may or may not be there: nothing is constructed or destroyed by itself.
  // std::construct_at(&slot(n), std::move(value)) puts one in, std::destroy_at(&slot(n)) ends it.
  union Slot {
    Slot() noexcept {}
    ~Slot() {}
    T value;
  };

 public:
  // TODO ring: a capacity that is no power of two is rounded up to one (std::bit_ceil).
  explicit SpscQueue(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<Slot[]>(capacity)) {
    PERCORE_ASSERT(capacity != 0, "an SpscQueue needs room for at least one value");
  }
  SpscQueue(const SpscQueue&) = delete;
  SpscQueue& operator=(const SpscQueue&) = delete;
  ~SpscQueue() {
    // TODO ring: destroy what was put in and not taken out, published or not.
  }

  std::size_t capacity() const noexcept { return mask_ + 1; }

  // --- the producer's ---

  bool has_room() noexcept {
    // TODO ring (B3): whether there is a slot that is free, or was given back.
    // TODO orders (B3): the slot is written next: what must have come before?
    return true;
  }

  bool stage(T& value) noexcept {
    // TODO ring: false when there is no room, and the value is untouched. Else into the next slot,
    // where the consumer does not see it yet.
    static_cast<void>(value);
    return false;
  }

  void publish() noexcept {
    // TODO ring (B4): the consumer sees all that was staged.
    // TODO orders (B2): and what lies in the slots.
  }

  std::size_t staged() const noexcept {
    // TODO ring: how many are staged and not published.
    return 0;
  }

  bool try_push(T& value) noexcept {
    // TODO ring: stage and publish.
    static_cast<void>(value);
    return false;
  }

  // --- the consumer's ---

  T* front() noexcept {
    // TODO ring: the oldest value that was published and not popped, or null.
    // TODO orders (B2): it is read next: what must have come before?
    return nullptr;
  }

  void pop() noexcept {
    // TODO ring: destroys the value that front() gave. Its slot is not free yet.
  }

  void release() noexcept {
    // TODO ring (B4): the producer sees that all that was popped is free.
    // TODO orders (B3): and we are done with it.
  }

  std::size_t popped() const noexcept {
    // TODO ring: how many are popped and not released.
    return 0;
  }

  std::optional<T> try_pop() noexcept {
    // TODO ring: front, pop and release; nothing when there is none.
    return std::nullopt;
  }

 private:
  T& slot(std::size_t number) noexcept { return slots_[number & mask_].value; }

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;

  // How many values there have ever been: counts that only grow. slot(count) is the next one's.
  // TODO ring: two of the four are written by one thread and read by the other: which?
  // TODO lines (B5): alignas(cache_line_bytes) begins a cache line.
  std::size_t filled_ = 0;     // staged by the producer
  std::size_t published_ = 0;  // and shown to the consumer
  std::size_t taken_ = 0;      // popped by the consumer
  std::size_t released_ = 0;   // and given back to the producer
};

}  // namespace percore
