#pragma once

#include "course.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace percore::tutor {

/// A case that a teacher adds to an exercise and learners do not see. docs/guide/for-teachers.md
/// has the format of the files.
struct HiddenCase {
  std::string name;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seeds;  ///< ranges, both ends in
  std::vector<std::string> words;  ///< for the check programs: --option, --fault
  std::string check;               ///< only this one; empty: all
  unsigned points = 0;             ///< beside the exercise's own
};

/// The cases in `folder` for an exercise: its file is <name>.txt or <number>.txt. What the format
/// does not know is refused with file and line.
std::vector<HiddenCase> hidden_cases(const fs::path& folder, const Exercise& exercise);

/// Refuses a folder that does not exist, or in which a file belongs to no exercise: a misspelt name
/// would silently grade nothing.
void demand_teachers_folder(const fs::path& folder, const Course& course);

}  // namespace percore::tutor
