#pragma once

#include <algorithm>
#include <cstdint>
#include <percore/clock.hpp>

namespace percore {

/// How long an executor may spin before it sleeps (W4).
///
/// Who spins for as long as a wake-up takes, and sleeps then, has waited at most twice as long as
/// who had known beforehand what comes (Karlin and others, Empirical Studies of Competitive
/// Spinning, SOSP 1991). A wake-up takes a few microseconds on one machine and sixty on another, so
/// it is measured; and a spin takes half as long again: two who wake one another would else both
/// just miss the other's answer, for ever. A spin that fails halves the next one, down to none.
/// Thread   its executor's.
class SpinBudget {
 public:
  /// What the next spin may take; zero: none.
  Time next() const noexcept { return next_.nanoseconds < spin_min_nanoseconds ? Time{} : next_; }
  void failed() noexcept { next_ = {next_.nanoseconds / 2}; }
  void paid() noexcept { next_ = most_; }

  /// A sleep was ended by a ring: when it began, when it was rung, and when the thread went on. An
  /// eighth of what is new at a time: a thread that waited for its CPU is no slow machine.
  void woken(Time fell_asleep, Time rung, Time went_on) noexcept {
    const std::int64_t took = (went_on - rung).nanoseconds;
    const std::int64_t wanted = std::min(took + took / 2, longest_nanoseconds);
    const std::int64_t learnt = most_.nanoseconds + (wanted - most_.nanoseconds) / 8;
    most_ = {std::max(learnt, at_first_nanoseconds)};
    if (rung - fell_asleep < most_) paid();  // a spin would have met it
  }

 private:
  static constexpr std::int64_t at_first_nanoseconds = 20'000;
  static constexpr std::int64_t longest_nanoseconds = 150'000;
  static constexpr std::int64_t spin_min_nanoseconds = 500;

  Time most_{at_first_nanoseconds};
  Time next_{at_first_nanoseconds};
};

}  // namespace percore
