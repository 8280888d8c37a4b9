#pragma once

namespace lesson {

/// Prints what the parts of one turn of the loop cost, by instructions and by the clock.
void show_turn();

}  // namespace lesson
