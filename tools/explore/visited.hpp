#pragma once

/// The states that a search has been in, each with the most preemptions that were left there. A
/// state met again with no more of them has nothing new behind it.

#include "model.hpp"

#include <cstdint>
#include <vector>

namespace percore::explore {

/// Keeps 120 bits of each state's hash: that two different states among 10 million are taken for
/// one has a probability below 1e-22.
class Visited {
 public:
  Visited() : entries_(std::size_t{1} << 8) {}

  void clear() {
    for (Entry& entry : entries_) entry = {};
    count_ = 0;
  }

  [[nodiscard]] std::uint64_t size() const noexcept { return count_; }

  /// True when there is nothing new behind this state; else remembers it.
  bool seen(Model::Hash state, unsigned preemptions_left) {
    if ((count_ + 1) * 2 > entries_.size() && entries_.size() < ENTRIES_MAX) grow();
    const std::uint64_t left = std::min(preemptions_left, LEFT_MAX);
    Entry& entry = find(state.low, state.high);
    if (entry.low == 0 && entry.high == 0) {
      if ((count_ + 1) * 8 > entries_.size() * 7) return false;  // full: no saving, no harm
      entry = {.low = state.low, .high = (state.high & HIGH) | left};
      ++count_;
      return false;
    }
    if ((entry.high & ~HIGH) >= left) return true;
    entry.high = (entry.high & HIGH) | left;
    return false;
  }

 private:
  struct Entry {
    std::uint64_t low = 0;
    std::uint64_t high = 0;  ///< its last byte: preemptions left
  };
  static constexpr unsigned LEFT_MAX = 255;
  static constexpr std::uint64_t HIGH = ~std::uint64_t{0xff};
  static constexpr std::size_t ENTRIES_MAX = std::size_t{1} << 24;

  Entry& find(std::uint64_t low, std::uint64_t high) noexcept {
    const std::size_t mask = entries_.size() - 1;
    std::size_t at = low & mask;
    while ((entries_[at].low != 0 || entries_[at].high != 0) &&
           (entries_[at].low != low || (entries_[at].high & HIGH) != (high & HIGH)))
      at = (at + 1) & mask;
    return entries_[at];
  }

  void grow() {
    std::vector<Entry> old(entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& entry : old)
      if (entry.low != 0 || entry.high != 0) find(entry.low, entry.high) = entry;
  }

  std::vector<Entry> entries_;
  std::uint64_t count_ = 0;
};

}  // namespace percore::explore
