#pragma once

#include <percore/combinators.hpp>
#include <stdexcept>

#include "support.hpp"

// What the checks of combinators share: tasks that end at a moment of the check's choice.
namespace checks {

using percore::Nothing;
using percore::now;

/// How many of the objects that tasks refer to, or hold, are there; and who has ended.
struct World {
  percore::check::Run& run;
  unsigned begun = 0;
  unsigned ended = 0;
  bool caller_gone = false;
};

/// Ends after `duration` with its number, or with an exception that holds it.
inline Task<unsigned> ends_after(World& world, unsigned number, Time duration, bool throws) {
  ++world.begun;
  // Cancelled where it has lost a race and the executor ends.
  if (duration != Time{}) static_cast<void>(co_await percore::sleep_for(duration));
  world.run.operation(number);
  require(!world.caller_gone,
          "task {} still ran when who waited for it had gone on: what it refers to may be gone",
          number);
  ++world.ended;
  if (throws) throw std::runtime_error(percore::check::say("{}", number));
  co_return number;
}
inline Task<> ends_quietly(World& world, unsigned number, Time duration, bool throws) {
  const unsigned value = co_await ends_after(world, number, duration, throws);
  static_cast<void>(value);
}

inline Time drawn_time(percore::check::Run& run) {
  return us(static_cast<std::int64_t>(run.random(12) * 20));
}

}  // namespace checks
