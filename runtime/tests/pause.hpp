#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <percore/timer.hpp>

namespace percore::test {

inline Task<> pause(std::int64_t nanoseconds) {
  const auto slept = co_await sleep_for(Time{nanoseconds});
  CHECK(slept.has_value());
}

}  // namespace percore::test
