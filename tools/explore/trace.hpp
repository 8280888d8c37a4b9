#pragma once

/// The events of a losing execution, and how they are told: in the order with the fewest stale
/// reads and then the fewest switches, a column for each thread.

#include "model.hpp"

#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace percore::explore {

enum class Act : std::uint8_t {
  load,
  store,
  update,    ///< exchange, fetch_add, ...; a compare_exchange that succeeded
  missed,    ///< a compare_exchange that found another value
  spurious,  ///< a weak one that failed for no reason
  fence,
  wake,
  sleep,   ///< was woken
  asleep,  ///< still sleeps at the end
  spins,   ///< still spins at the end
  read,    ///< plain memory
  write,
  race,  ///< the access that ends the execution
  words,
  ended,  ///< a requirement failed here
};

constexpr std::uint32_t NO_STORE = UINT32_MAX;

struct Event {
  unsigned thread = 0;
  Act act = Act::words;
  std::uint32_t location = 0;
  std::uint32_t read = NO_STORE;  ///< which store of the location
  std::uint32_t written = NO_STORE;
  std::memory_order order = std::memory_order_relaxed;
  std::uint64_t value = 0;  ///< read
  std::uint64_t made = 0;   ///< written
  std::source_location where = {};
  const void* address = nullptr;
  std::string words = {};
};

struct Trace {
  std::vector<Event> events;       ///< in the order in which they were executed
  std::vector<const char*> names;  ///< of the threads
};

/// A losing execution, told.
struct Told {
  unsigned stale = 0;  ///< reads that missed a newer value, in the order told
  unsigned switches = 0;
  std::size_t steps = 0;
  std::string text;
  std::string schedule;
  Told() = default;
  [[nodiscard]] bool shorter_than(const Told& other) const noexcept {
    if (stale != other.stale) return stale < other.stale;
    if (switches != other.switches) return switches < other.switches;
    return steps < other.steps;
  }
};

/// Tells a trace. ending  the sentence that names what went wrong.
Told tell(const Trace& trace, Model& model, std::string_view ending);

}  // namespace percore::explore
