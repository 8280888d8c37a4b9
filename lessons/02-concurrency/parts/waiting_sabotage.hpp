#pragma once

#include <percore/executor.hpp>

namespace lesson {

void barging(percore::Executor& executor);
void lost_units(percore::Executor& executor);
void spinning(percore::Executor& executor);
void forgotten_waiter();

}  // namespace lesson
