#pragma once

#include <cstdint>
#include <percore/atomic.hpp>

namespace percore {

/// Who has rung, and whether the owner sleeps, in one word: of a ring and a try_to_sleep() one
/// comes first, and the other sees it. See contract/doorbell.hpp.
/// Thread   note() any; the others the owner.
class BellWord {
 public:
  /// Inboxes beyond these share a bit.
  static constexpr unsigned bits = 63;

  bool note(unsigned number) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (number % bits);
    // release: what was published comes before the owner's look.
    return word_.fetch_or(bit, std::memory_order_release) == sleeping;
  }

  bool try_to_sleep() noexcept {
    std::uint64_t quiet = 0;
    // relaxed: it only asks who came first, and the word's own order says that.
    return word_.compare_exchange_strong(quiet, sleeping, std::memory_order_relaxed);
  }

  bool rung() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

  std::uint64_t take() noexcept {
    // acquire: pairs with note().
    return word_.exchange(0, std::memory_order_acquire) & ~sleeping;
  }

 private:
  static constexpr std::uint64_t sleeping = std::uint64_t{1} << bits;
  atomic<std::uint64_t> word_{0};
};

}  // namespace percore
