#pragma once

#include "story.hpp"

namespace percore::trace {

struct TextOptions {
  std::string title;      ///< "ten_tasks"
  unsigned columns = 80;  ///< no line is longer, where words allow
  bool colours = false;
  bool full = false;  ///< also what a summary leaves out, and every line of a long run
};

/// The run for a terminal: a line an event or a group of them, a column for each operation in
/// flight.
std::string to_text(const Run& run, const TextOptions& options);

}  // namespace percore::trace
