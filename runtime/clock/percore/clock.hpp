#pragma once

#include <compare>
#include <cstdint>

namespace percore {

/// A point on the monotonic clock, or a span of it. Everything that asks for the time or spins goes
/// through this header, so that the simulated ring can put a virtual clock in its place.
struct Time {
  std::int64_t nanoseconds = 0;

  friend constexpr auto operator<=>(const Time&, const Time&) = default;
  friend constexpr Time operator+(Time a, Time b) { return {a.nanoseconds + b.nanoseconds}; }
  friend constexpr Time operator-(Time a, Time b) { return {a.nanoseconds - b.nanoseconds}; }

  /// Later than every time: a wait without a deadline.
  static constexpr Time never() { return {INT64_MAX}; }
};

/// Nanoseconds since some fixed moment, never going back.
/// Cost     a vDSO call, about 25 ns; no system call.
/// Thread   any.
/// Source   clock_gettime(2) CLOCK_MONOTONIC, the clock that the kernel's ring timeouts use by
/// default.
Time now() noexcept;

/// Tells the CPU that this thread spins, so that a sibling hardware thread gets the core's
/// resources. Thread   any. On the simulated ring this is where another executor may be given its
/// turn.
void cpu_relax() noexcept;

}  // namespace percore
