#pragma once

#include "files.hpp"

#include <string>

namespace percore::tutor {

/// The first error of a failed build, told shortly.
struct CompileError {
  std::string file;  ///< as the learner would type it; empty when the linker failed
  unsigned line = 0;
  unsigned column = 0;
  std::string sentence;  ///< template noise folded
  std::string reason;    ///< what keeps the candidate, or the first of several, from being one
  std::string snippet;   ///< the source line and the mark under it, or empty
  std::string remark;    ///< where it was asked for, when the error itself lies in a header that is
                         ///< not the learner's
  unsigned more = 0;     ///< how many errors follow
};

/// Finds it in what clang, g++ and the linker print. `sources` holds the learner's files: an error
/// inside a library's header is placed at the line of the learner's that led there.
CompileError first_error(const std::string& output, const fs::path& sources, const fs::path& root);

/// Shortens the types that C++ libraries spell out: std::string for its basic_string, no default
/// allocators.
std::string folded(std::string text);

}  // namespace percore::tutor
