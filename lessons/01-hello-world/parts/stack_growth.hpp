#pragma once

namespace lesson {

/// Prints how much stack a coroutine's awaits take: when each is resumed inside the one before it,
/// and when a loop resumes them. Returns the program's exit status.
int show_stack_growth();

}  // namespace lesson
