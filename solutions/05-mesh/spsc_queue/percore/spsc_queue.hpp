#pragma once

#include <bit>
#include <memory>
#include <percore/contract/spsc_queue.hpp>
#include <utility>

namespace percore {

/// A bounded queue from one thread to one other, without locks. See contract/spsc_queue.hpp.
/// Thread   producer's functions one, consumer's functions one.
template <typename T>
class SpscQueue {
  // Memory for a value that may or may not be there: nothing is constructed or destroyed by itself.
  union Slot {
    Slot() noexcept {}
    ~Slot() {}
    T value;
  };

 public:
  explicit SpscQueue(std::size_t capacity)
      : mask_(std::bit_ceil(capacity) - 1), slots_(std::make_unique<Slot[]>(mask_ + 1)) {
    PERCORE_ASSERT(capacity != 0, "an SpscQueue needs room for at least one value");
  }
  SpscQueue(const SpscQueue&) = delete;
  SpscQueue& operator=(const SpscQueue&) = delete;
  ~SpscQueue() {
    for (; taken_ != filled_; ++taken_) std::destroy_at(&slot(taken_));
  }

  std::size_t capacity() const noexcept { return mask_ + 1; }

  // --- the producer's ---

  bool has_room() noexcept {
    // acquire: pairs with release(). The consumer's last use of a slot comes before our next (B3).
    return filled_ - released_.load(std::memory_order_acquire) != capacity();
  }

  bool stage(T& value) noexcept {
    if (!has_room()) return false;
    std::construct_at(&slot(filled_), std::move(value));
    ++filled_;
    return true;
  }

  void publish() noexcept {
    // release: what was written into the slots comes before the count that shows them (B2).
    published_.store(filled_, std::memory_order_release);
  }

  std::size_t staged() const noexcept {
    return filled_ - published_.load(std::memory_order_relaxed);  // our own last store
  }

  bool try_push(T& value) noexcept {
    const bool staged = stage(value);
    if (staged) publish();
    return staged;
  }

  // --- the consumer's ---

  T* front() noexcept {
    // acquire: pairs with publish().
    const bool empty = taken_ == published_.load(std::memory_order_acquire);
    return empty ? nullptr : &slot(taken_);
  }

  void pop() noexcept {
    std::destroy_at(&slot(taken_));
    ++taken_;
  }

  void release() noexcept {
    // release: we are done with the slots before the producer writes them again (B3).
    released_.store(taken_, std::memory_order_release);
  }

  std::size_t popped() const noexcept {
    return taken_ - released_.load(std::memory_order_relaxed);  // our own last store
  }

  std::optional<T> try_pop() noexcept {
    T* const value = front();
    if (value == nullptr) return std::nullopt;
    std::optional<T> out(std::move(*value));
    pop();
    release();
    return out;
  }

 private:
  T& slot(std::size_t number) noexcept { return slots_[number & mask_].value; }

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;

  // How many values there have ever been: counts that only grow, so that full and empty differ.
  alignas(cache_line_bytes) std::size_t filled_ = 0;            // the producer's own
  alignas(cache_line_bytes) atomic<std::size_t> published_{0};  // what of it may be seen
  alignas(cache_line_bytes) std::size_t taken_ = 0;             // the consumer's own
  alignas(cache_line_bytes) atomic<std::size_t> released_{0};   // what of it is given back
};

}  // namespace percore
