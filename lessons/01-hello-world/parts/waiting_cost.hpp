#pragma once

namespace lesson {

/// Prints what it costs to wait, and to go on after it, as a thread and as a coroutine. Returns the
/// program's exit status.
int show_waiting_cost();

}  // namespace lesson
