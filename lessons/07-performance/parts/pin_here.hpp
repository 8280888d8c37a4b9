#pragma once

namespace lesson {

/// From now on this thread, and those that it starts, run on one CPU: the first that is allowed.
/// Returns   its number, or -1 where the system refuses.
/// Source    sched_setaffinity(2).
int pin_to_first_cpu();

/// Moves this thread to the other of two allowed CPUs, as the kernel does when it likes.
/// Returns   false where there is only one.
bool move_to_another_cpu();

}  // namespace lesson
