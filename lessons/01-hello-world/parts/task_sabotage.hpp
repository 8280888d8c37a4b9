#pragma once

#include <percore/executor.hpp>

namespace lesson {

// Each makes a mistake that ends by itself, and prints what happened.

/// Spawns tasks that nobody awaits.
void forgotten_join(percore::Executor& executor);
/// Blocks the thread in ten tasks, and beside it awaits in ten tasks.
void blocking_call(percore::Executor& executor);

}  // namespace lesson
