#pragma once

#include <cstdint>
#include <percore/clock.hpp>

namespace lesson {

constexpr percore::Time milliseconds(std::int64_t count) {
  return {count * 1'000'000};
}

inline double in_milliseconds(percore::Time time) {
  return static_cast<double>(time.nanoseconds) / 1e6;
}

/// Keeps the thread busy, as a computation does: nobody else runs meanwhile.
inline void compute(percore::Time duration) {
  const percore::Time end = percore::now() + duration;
  while (percore::now() < end) percore::cpu_relax();
}

}  // namespace lesson
