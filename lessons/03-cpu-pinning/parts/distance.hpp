#pragma once

namespace lesson {

/// What a message costs between two CPUs that share a core, a cache, a node, a package, or nothing:
/// as many of these as this machine has. Prints a table.
/// Returns   the program's exit status.
int show_distances();

}  // namespace lesson
