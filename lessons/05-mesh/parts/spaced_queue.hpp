#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <percore/atomic.hpp>

namespace lesson {

/// percore's SpscQueue for numbers, with its counts at a distance of one's choice: those of each
/// end, and what each shows the other, begin at multiples of `apart` bytes. With 8 all of them lie
/// in one cache line.
/// Thread   try_push() one, try_pop() one.
template <std::size_t apart>
class SpacedQueue {
 public:
  bool try_push(std::uint64_t& value) noexcept {
    if (filled_ - released_seen_ == capacity) {
      released_seen_ = released_.load(std::memory_order_acquire);
      if (filled_ - released_seen_ == capacity) return false;
    }
    slots_[filled_ % capacity] = value;
    ++filled_;
    published_.store(filled_, std::memory_order_release);
    return true;
  }

  std::optional<std::uint64_t> try_pop() noexcept {
    if (taken_ == published_seen_) {
      published_seen_ = published_.load(std::memory_order_acquire);
      if (taken_ == published_seen_) return std::nullopt;
    }
    const std::uint64_t value = slots_[taken_ % capacity];
    ++taken_;
    released_.store(taken_, std::memory_order_release);
    return value;
  }

 private:
  static constexpr std::size_t capacity = 1024;

  alignas(128) std::array<std::uint64_t, capacity> slots_{};
  alignas(128) std::size_t filled_ = 0;  // the producer's own
  std::size_t released_seen_ = 0;
  alignas(apart) percore::atomic<std::size_t> published_{0};
  alignas(apart) std::size_t taken_ = 0;  // the consumer's own
  std::size_t published_seen_ = 0;
  alignas(apart) percore::atomic<std::size_t> released_{0};
};

}  // namespace lesson
