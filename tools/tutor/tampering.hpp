#pragma once

#include "exercise_plan.hpp"

#include <optional>
#include <string>
#include <vector>

namespace percore::tutor {

/// Whether a learner's files leave the checker as it is. A check runs in the same process as the
/// code it checks, so this is no wall against somebody who wants to cheat: it names what a learner
/// does by mistake or out of curiosity, and what would otherwise look like a pass.

/// The first `#define` or `#undef` in the exercise's files of a word that the checks are written
/// with: a keyword, a name of the harness. Told as a sentence with its place.
std::optional<std::string> redefined_word(const Exercise& exercise, const fs::path& sources,
                                          const fs::path& root);

/// The first symbol in the learner's objects that belongs to the harness, or that would take the
/// place of a function the harness calls (write, _exit). As a sentence.
std::optional<std::string> foreign_symbol(const CheckProgram& program);

/// The names of the checks in a file of checks, in their order.
std::vector<std::string> check_names(const fs::path& file);

}  // namespace percore::tutor
