#pragma once

namespace lesson {

// Each prints a table and returns the program's exit status.

/// The system calls for `lines` greetings, each way, counted by tracing a child.
int show_counts(unsigned lines);
/// Nanoseconds a greeting, each way, written to /dev/null.
int show_costs();
/// What one thread waits for ten slow devices, one by one and together.
int show_waiting();
/// The heads and tails of both rings at each step of a batch of three.
int show_rings();

}  // namespace lesson
