#pragma once

#include <percore/clock.hpp>

namespace lesson {

/// One run queue for all, and a queue for each: who gets how much, and who waits how long.
void show_pain(percore::Time duration);

/// Three queues turn by turn, one of them asleep for a while: arithmetic alone, no clock.
void show_steps();

}  // namespace lesson
