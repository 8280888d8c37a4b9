#pragma once

#include <cstdint>
#include <percore/atomic.hpp>

namespace percore {

/// Who has rung, and whether the owner sleeps, in one word: of a ring and a try_to_sleep() one
/// comes first, and the other sees it. See contract/doorbell.hpp.
/// Thread   note() any; the others the owner.
class BellWord {
 public:
  /// Inboxes beyond these share a bit: inbox `number` has bit number % bits.
  static constexpr unsigned bits = 63;

  // TODO word: each of these is one operation on word_ (atomic: fetch_or, compare_exchange_strong,
  // load, exchange). Which of them hands something over to the other thread, and which takes it?

  /// Notes that inbox `number` is to be looked at. Returns whether the caller must wake the owner:
  /// it sleeps, and nobody has rung since it fell asleep (W2).
  bool note(unsigned number) noexcept {
    static_cast<void>(number);
    return false;
  }

  /// Falls asleep unless somebody has rung.
  bool try_to_sleep() noexcept { return true; }

  /// Whether there is something to take(); it may be true while the owner is asleep, too.
  bool rung() const noexcept { return false; }

  /// Wakes up, and gives the bits of all who have rung since the last time.
  std::uint64_t take() noexcept { return 0; }

 private:
  // The highest bit says that the owner sleeps, the others are the inboxes'.
  static constexpr std::uint64_t sleeping = std::uint64_t{1} << bits;
  atomic<std::uint64_t> word_{0};
};

}  // namespace percore
