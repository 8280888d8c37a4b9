#pragma once

#include <algorithm>
#include <bit>
#include <memory>
#include <new>
#include <percore/contract/spsc_queue.hpp>
#include <percore/prefetch.hpp>
#include <utility>

namespace percore {

/// A bounded queue from one thread to one other, without locks. See contract/spsc_queue.hpp.
///
/// Head and tail count up for ever; their difference is how many values there are, so full and
/// empty differ. Each end keeps a copy of the other's count and reads the real one, whose cache
/// line the other core owns, only when the copy says that it cannot go on. What it has shown to
/// the other it keeps for itself as well: that line may have gone to the other core.
/// Cost     a value: no atomic operation. A publish or release: one store. Another core's line is
///          read once for as many values as were published at once.
/// Thread   producer's functions one, consumer's functions one; constructor and destructor ordered
///          with both by whoever owns the queue.
template <typename T>
class SpscQueue {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "an SpscQueue carries values whose move does not throw");

  // Values of whole lines begin at a line: half of one more would go to the other core with each.
  static constexpr std::size_t slot_alignment =
      sizeof(T) % cache_line_bytes == 0 ? std::max(cache_line_bytes, alignof(T)) : alignof(T);

  union alignas(slot_alignment) Slot {
    Slot() noexcept {}
    ~Slot() {}
    T value;
  };

 public:
  explicit SpscQueue(std::size_t capacity)
      : mask_(places_for(capacity) - 1), slots_(std::make_unique<Slot[]>(mask_ + 1)) {}
  SpscQueue(const SpscQueue&) = delete;
  SpscQueue& operator=(const SpscQueue&) = delete;
  ~SpscQueue() {
    for (; taken_ != filled_; ++taken_) std::destroy_at(&slot(taken_));
  }

  std::size_t capacity() const noexcept { return mask_ + 1; }

  // --- the producer's ---

  bool has_room() noexcept {
    if (filled_ - released_seen_ <= mask_) return true;
    // acquire: pairs with release(). The consumer's last use of the slots comes before ours (B3).
    released_seen_ = released_.load(std::memory_order_acquire);
    return filled_ - released_seen_ <= mask_;
  }

  bool stage(T& value) noexcept {
    if (!has_room()) [[unlikely]]
      return false;
    std::construct_at(&slot(filled_), std::move(value));
    fetch_slot_ahead();
    ++filled_;
    return true;
  }

  void publish() noexcept {
    if (staged() == 0) return;
    // release: what was written into the slots comes before the count that shows them (B2).
    published_.store(filled_, std::memory_order_relaxed);
    shown_ = filled_;
  }

  std::size_t staged() const noexcept { return filled_ - shown_; }

  bool try_push(T& value) noexcept {
    if (!stage(value)) return false;
    publish();
    return true;
  }

  // --- the consumer's ---

  T* front() noexcept {
    if (taken_ == published_seen_) {
      // acquire: pairs with publish().
      published_seen_ = published_.load(std::memory_order_acquire);
      if (taken_ == published_seen_) return nullptr;
    }
    return &slot(taken_);
  }

  /// Requires  front() was not null.
  void pop() noexcept {
    std::destroy_at(&slot(taken_));
    ++taken_;
  }

  void release() noexcept {
    if (popped() == 0) return;
    // release: we are done with the slots before the producer writes them again (B3).
    released_.store(taken_, std::memory_order_release);
    given_back_ = taken_;
  }

  std::size_t popped() const noexcept { return taken_ - given_back_; }

  std::optional<T> try_pop() noexcept {
    T* const value = front();
    if (value == nullptr) return std::nullopt;
    std::optional<T> out(std::move(*value));
    pop();
    release();
    return out;
  }

 private:
  // Eight lines, or one value where it is larger.
  static constexpr std::size_t ahead = std::max<std::size_t>(1, 8 * cache_line_bytes / sizeof(T));

  // The consumer's core has the lines of the slots that come next. A store waits for its line, and
  // few stores can wait at a time, so the lines are asked for before the stores come. Not those
  // that may still be read.
  void fetch_slot_ahead() noexcept {
    if (filled_ + ahead - released_seen_ > mask_) return;
    const auto* const bytes = reinterpret_cast<const std::byte*>(&slot(filled_ + ahead));
    for (std::size_t i = 0; i < sizeof(T); i += cache_line_bytes) prefetch_for_write(bytes + i);
  }

  static std::size_t places_for(std::size_t capacity) {
    PERCORE_ASSERT(capacity != 0, "an SpscQueue needs room for at least one value");
    // No power of two is as large, and std::bit_ceil() would not say so.
    if (capacity > ~std::size_t{0} / 2 + 1) throw std::bad_array_new_length();
    return std::bit_ceil(capacity);
  }

  T& slot(std::size_t number) noexcept { return slots_[number & mask_].value; }

  // Never written after the constructor: both ends may keep this line.
  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;

  // The producer's own, at each value.
  alignas(line_pair_bytes) std::size_t filled_ = 0;
  std::size_t shown_ = 0;  // as published_, whose line the consumer's core may have
  std::size_t released_seen_ = 0;

  // Written by the producer, once for many values.
  alignas(line_pair_bytes) atomic<std::size_t> published_{0};

  // The consumer's own, at each value.
  alignas(line_pair_bytes) std::size_t taken_ = 0;
  std::size_t given_back_ = 0;  // as released_
  std::size_t published_seen_ = 0;

  // Written by the consumer, once for many values.
  alignas(line_pair_bytes) atomic<std::size_t> released_{0};
};

}  // namespace percore
