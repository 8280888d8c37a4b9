#pragma once

#include "shrink.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace percore::tutor {

/// How a check, or a whole exercise, ended.
enum class VerdictKind {
  passed,
  wrong,  ///< an invariant broke
  compile_error,
  crash,
  spins,       ///< a hang that takes processor time
  waits,       ///< a hang that sleeps
  slow,        ///< made progress, but took longer than any right answer
  flood,       ///< printed without end
  forks,       ///< tried to start a process
  early_exit,  ///< ended before its checks did
  memory,
  disk,
  threads,
  tampering,  ///< changed the checker itself, or its descriptors
};

std::string_view word(VerdictKind kind);

/// One check's outcome.
struct CheckVerdict {
  std::string name;
  std::string step;
  std::string program;  ///< the stem of its file
  VerdictKind kind = VerdictKind::passed;
  std::string invariant;  ///< "I2"
  std::string statement;
  bool of_another = false;  ///< the invariant is not the one that the statement is of
  std::string lesson;       ///< "Lesson 01, *The harvest*"
  std::string sentence;     ///< what went wrong, without a full stop
  std::string detail;       ///< further lines: the place, what the program printed
  std::string history;      ///< what the ring did
  std::string oracle;
  std::uint64_t seed = 0;
  std::uint64_t seeds = 0;
  bool has_seed = false;
  SmallCase small;       ///< what the seed's run was reduced to; has_seed only
  std::string smallest;  ///< that in words: "2 operations and 1 fault (EINTR at the 3rd enter)"
  bool real = false;
  bool explored = false;  ///< over the schedule explorer: its history is a losing execution
  bool drawable = false;  ///< `trace` can draw the run
  bool skipped = false;   ///< the kernel's ring is not to be had here
  bool heap = false;      ///< the C library found its heap broken: who broke it was earlier
};

/// What was counted over a measured body, the learner's beside ours.
struct Measured {
  std::string what;
  std::uint64_t operations = 0;
  double enters = 0, enters_ours = 0;  ///< an operation
  double allocations = 0, allocations_ours = 0;
  double instructions = 0, instructions_ours = 0;  ///< 0: not counted
};

/// The outcome of an exercise.
struct Judgement {
  std::string exercise;  ///< number
  VerdictKind kind = VerdictKind::passed;
  std::vector<CheckVerdict> checks;
  std::vector<std::string> steps_passed;
  unsigned points = 0;
  unsigned points_all = 0;
  std::string error;                 ///< for compile_error: the text shown
  std::string error_verbose;         ///< all of the compiler's words
  std::vector<std::string> remarks;  ///< lines to show whatever the verdict is
  std::vector<Measured> measured;
  bool predicted = false;          ///< answers, not code: what is demanded would give them away
  std::string step;                ///< the only one that was judged; empty: all
  bool untouched = false;          ///< the starting files: what holds of them is no merit
  bool sanitizers_follow = false;  ///< what passed may still lose, and the words say so

  /// The first check that did not pass, or null.
  [[nodiscard]] const CheckVerdict* first_broken() const;

  /// All that was to be checked needs the kernel's ring, which is not to be had here.
  [[nodiscard]] bool nothing_checked() const;
};

/// "I2 broken: a completion was resumed twice (operation 17, seed 4711)."
std::string headline(const CheckVerdict& verdict);

/// The judgement as a learner reads it. `exercise` as in `./tools/percore check 01.4`.
std::string told(const Judgement& judgement, const std::string& exercise, bool verbose);

/// The judgement for scripts: one JSON object.
std::string to_json(const Judgement& judgement);

}  // namespace percore::tutor
