#pragma once

#include <algorithm>
#include <cstdint>
#include <percore/clock.hpp>
#include <vector>

namespace lesson {

inline double nanoseconds_each(percore::Time time, std::uint64_t count) {
  return static_cast<double>(time.nanoseconds) / static_cast<double>(count);
}

inline double median(std::vector<double> of) {
  std::ranges::sort(of);
  return of.empty() ? 0 : of[of.size() / 2];
}

}  // namespace lesson
