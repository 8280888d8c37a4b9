#pragma once

#include <algorithm>
#include <percore/clock.hpp>
#include <percore/executor.hpp>
#include <vector>

/// What the programs of this lesson compute, and how they look at it.
namespace lesson {

inline constexpr std::int64_t us = 1'000;
inline constexpr std::int64_t ms = 1'000'000;

/// Keeps the thread busy for so long, and lets nobody in.
inline void compute(percore::Time duration) {
  const percore::Time end = percore::now() + duration;
  while (percore::now() < end) percore::cpu_relax();
}

/// The smallest value that at least `percent` of `values` do not exceed.
inline percore::Time percentile(std::vector<percore::Time> values, unsigned percent) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * percent / 100];
}

inline double percent_of(percore::Time part, percore::Time whole) {
  return whole.nanoseconds == 0 ? 0
                                : 100.0 * static_cast<double>(part.nanoseconds) /
                                      static_cast<double>(whole.nanoseconds);
}

}  // namespace lesson
