#pragma once

#include "story.hpp"

namespace percore::trace {

struct SvgOptions {
  std::string title;  ///< "ten_tasks"
  int width = 880;
  bool full = false;  ///< every turn, however long the picture gets
};

/// The run as a drawing that needs nothing else: light and dark, words under the pointer.
std::string to_svg(const Run& run, const SvgOptions& options);

}  // namespace percore::trace
