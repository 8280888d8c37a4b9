#pragma once

#include <cstdint>
#include <cstdlib>

namespace percore::test {

/// How many seeds a test looks at: PERCORE_SEEDS of the environment, or `usual`.
inline std::uint64_t seeds(std::uint64_t usual) {
  const char* const wanted = std::getenv("PERCORE_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : usual;
}

}  // namespace percore::test
