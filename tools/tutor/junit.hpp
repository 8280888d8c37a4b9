#pragma once

#include "course.hpp"
#include "verdict.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// One exercise as `grade` found it.
struct Graded {
  const Exercise* exercise = nullptr;
  bool begun = false;
  Judgement judgement;
};

/// The results as JUnit XML, which GitHub, GitLab and Jenkins show: a suite for each exercise, a
/// case for each check. What does not compile, or cannot be judged, is an error; an exercise that
/// was not begun, or a check that could not be run here, is skipped.
std::string to_junit(const std::vector<Graded>& graded);

}  // namespace percore::tutor
