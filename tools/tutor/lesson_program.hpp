#pragma once

#include "session.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// A lesson's program, found by what the learner typed.
struct LessonProgram {
  const Lesson* lesson = nullptr;
  std::string name;                                ///< "ten_tasks"
  bool uses_ring = false;                          ///< else it shows coroutines, say
  bool on_runtime = false;                         ///< and not on liburing alone
  std::vector<std::string> simulated_of_lesson{};  ///< built on the simulated ring as well
};

/// The program named, or the lesson's own: the one that its text names (`<!-- main: NAME -->`),
/// else the one that is called as the lesson, else the first. Of the current lesson when none is
/// named.
/// for_trace  the lesson's own is then the one that its text draws: `<!-- trace: NAME -->`.
LessonProgram find_program(Session& session, const std::string& lesson, const std::string& program,
                           bool for_trace = false);

/// Refuses one that is not built on the simulated ring, and names those that are.
void must_have_simulated(const LessonProgram& program);

/// Builds it on the learner's modules, and says what it does where that takes time.
/// simulated  on the simulated ring.
/// Returns  its path.
fs::path build_program(Session& session, const LessonProgram& program, bool simulated);

/// The modules that count as the learner's, lowest layer first, as -Dmine wants them.
std::string solved_modules(Session& session);

/// A solved module that was edited since is not taken: that must not happen in silence.
void tell_what_is_not_taken(Session& session);

}  // namespace percore::tutor
