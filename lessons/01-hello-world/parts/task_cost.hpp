#pragma once

#include <percore/executor.hpp>

namespace lesson {

/// Prints nanoseconds for what tasks do most: start, end, take turns, go to the kernel and back.
void show_task_costs(percore::Executor& executor);

}  // namespace lesson
