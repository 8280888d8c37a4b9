#pragma once

/// The single total order S of sequentially consistent operations and fences, kept as its partial
/// order: what S must respect so far. As long as that has no cycle, an S exists.
///
/// Source  [atomics.order] paragraphs 3 and 4 of the C++20 standard (P0668R5).

#include <array>
#include <cstdint>

namespace percore::explore {

/// Operations of S, by their number in this execution.
using ScSet = std::uint64_t;
constexpr unsigned SC_MAX = 64;

/// How an access to a location binds S. What is coherence-ordered after the access comes after
/// `from`: itself if sequentially consistent, and the fences that happened before it. What is
/// coherence-ordered before comes before `to`: itself, and the fences that it happened before.
struct ScEnds {
  ScSet from = 0;
  ScSet to = 0;
};

class ScOrder {
 public:
  void begin() noexcept { count_ = 0; }
  [[nodiscard]] unsigned size() const noexcept { return count_; }

  [[nodiscard]] unsigned thread(unsigned node) const noexcept { return thread_[node]; }
  [[nodiscard]] std::uint32_t event(unsigned node) const noexcept { return event_[node]; }

  /// A new operation of S; the caller sees to it that there are fewer than SC_MAX.
  unsigned add(unsigned thread, std::uint32_t event) noexcept {
    thread_[count_] = thread;
    event_[count_] = event;
    after_[count_] = 0;
    return count_++;
  }

  /// Would there still be an order if all of `before` (and the new node, which comes after all of
  /// `into`) preceded all of `behind`?
  [[nodiscard]] bool allows(ScSet before, ScSet into, ScSet behind) const noexcept {
    return (closed(behind) & (before | into)) == 0;
  }

  /// Lets all of `before` precede all of `behind`.
  void precede(ScSet before, ScSet behind) noexcept {
    if (before == 0 || behind == 0) return;
    const ScSet reached = closed(behind);
    for (unsigned i = 0; i < count_; ++i)
      if (((ScSet{1} << i | after_[i]) & before) != 0) after_[i] |= reached;
  }

 private:
  // The set with all that comes after its members.
  [[nodiscard]] ScSet closed(ScSet set) const noexcept {
    ScSet out = set;
    for (ScSet rest = set; rest != 0; rest &= rest - 1)
      out |= after_[static_cast<unsigned>(__builtin_ctzll(rest))];
    return out;
  }

  unsigned count_ = 0;
  std::array<ScSet, SC_MAX> after_{};
  std::array<unsigned, SC_MAX> thread_{};
  std::array<std::uint32_t, SC_MAX> event_{};
};

}  // namespace percore::explore
