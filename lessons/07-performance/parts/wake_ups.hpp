#pragma once

#include <percore/clock.hpp>

namespace lesson {

/// So many tasks sleep, each to a moment of its own, spread evenly over `spread`: prints how late
/// they went on, and what the executor did meanwhile.
void show_wake_ups(unsigned tasks, percore::Time spread);

}  // namespace lesson
