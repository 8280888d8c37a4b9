#pragma once

#include "course.hpp"
#include "toolchain.hpp"

#include <optional>
#include <vector>

namespace percore::tutor {

/// The header of what an exercise's files include of ours, to be precompiled on top of
/// Toolchain::header(): reading the modules below is half of what a small file costs. The starting
/// files say what that is: a solution needs as much, and meets no name that it has not asked for.
/// Never a module that the learner writes, nor one above it, nor any in a catch exercise, where
/// another stands in its place.
///
/// For the quick verdict alone: the sanitizers' compiles without, and finds the #include that
/// this one has hidden.
/// Returns  nothing where there is nothing to include, or the compiler cannot stack such headers.
[[nodiscard]] std::optional<Unit> headers_below(const Toolchain& toolchain,
                                                const Exercise& exercise);

/// The headers of all exercises that have been checked so far.
[[nodiscard]] std::vector<fs::path> all_headers_below(const Toolchain& toolchain);

/// What of them is compiled.
inline fs::path precompiled(const fs::path& header) {
  return header.string() + ".pch";
}

}  // namespace percore::tutor
