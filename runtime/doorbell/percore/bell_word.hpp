#pragma once

#include <cstdint>
#include <percore/atomic.hpp>

namespace percore {

/// What an executor and those who ring at it share: who has rung, and whether the owner sleeps, in
/// one word. Every change is an atomic read-modify-write, and those of one word have one order that
/// all threads agree on. So of a ring and a try_to_sleep() one comes first: either the owner sees
/// that somebody has rung and does not sleep, or whoever rings sees that it sleeps and wakes it.
/// Two variables, a flag and the queue itself, need a fence on either side for the same (W1).
/// Thread   note() any; the others the owner.
class BellWord {
 public:
  /// Inboxes beyond these share a bit.
  static constexpr unsigned bits = 63;

  /// Notes that inbox `number` is to be looked at. Returns whether the caller must wake the owner:
  /// it sleeps, and nobody has rung since it fell asleep (W2).
  bool note(unsigned number) noexcept {
    // release: what was published comes before the owner's look.
    const std::uint64_t bit = std::uint64_t{1} << (number % bits);
    return word_.fetch_or(bit, std::memory_order_release) == sleeping;
  }

  /// Falls asleep unless somebody has rung.
  bool try_to_sleep() noexcept {
    std::uint64_t quiet = 0;
    return word_.compare_exchange_strong(quiet, sleeping, std::memory_order_relaxed);
  }

  /// Whether there is something to take(): one load, of a line that nobody writes while all are
  /// silent (W3).
  bool rung() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

  /// Wakes up, and gives the bits of all who have rung since the last time.
  std::uint64_t take() noexcept {
    // acquire: pairs with note().
    return word_.exchange(0, std::memory_order_acquire) & ~sleeping;
  }

 private:
  static constexpr std::uint64_t sleeping = std::uint64_t{1} << bits;
  atomic<std::uint64_t> word_{0};
};

}  // namespace percore
