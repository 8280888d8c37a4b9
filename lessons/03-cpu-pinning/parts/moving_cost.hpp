#pragma once

namespace lesson {

/// What a thread that moves loses, and what one that may not move loses. Prints a table.
/// Returns   the program's exit status.
int show_moving_cost();

}  // namespace lesson
