#pragma once

#include <percore/executor.hpp>

namespace lesson {

void drift(percore::Executor& executor);
void blocking_sleep(percore::Executor& executor);
void freed_timer();
void ring_timeouts(percore::Executor& executor);

/// What arming, cancelling and firing a timer cost among so many others.
void show_timer_costs();

}  // namespace lesson
