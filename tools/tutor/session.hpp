#pragma once

#include "config.hpp"
#include "course.hpp"
#include "judge.hpp"
#include "state.hpp"
#include "workspace.hpp"

#include <optional>

namespace percore::tutor {

/// What every command works on: the course, the learner's state and files.
class Session {
 public:
  explicit Session(const fs::path& root);

  Course course;
  State state;
  Workspace workspace;

  /// How code is compiled; read when first asked for, because most commands need no compiler.
  const Config& config();

  /// The exercise named, or the current one.
  const Exercise& exercise(const std::string& name);

  /// Where the learner is: the one they were at, else the first that is not solved.
  const Exercise& current();

  /// The first exercise after `from` that is not solved, wrapping round; null when all are.
  const Exercise* next_after(const Exercise& from);

  void go_to(const Exercise& exercise);

  /// Copies what is missing to my/, tells it, and tells what an update of the repository changed.
  void prepare(const Exercise& exercise);

  /// Keeps what a check found: steps, points, and, when all passed, the contract it was solved
  /// against.
  void record(const Exercise& exercise, const Judgement& judgement);

  /// Keeps the case that lost, for who looks at it next: `check --seed`, `trace`, `debug`.
  void record_loss(const Exercise& exercise, const Judgement& judgement);

  /// The first step that has not passed yet; empty where all have, or there are none.
  [[nodiscard]] std::string step_at_hand(const Exercise& exercise) const;

  /// Judges the learner's files of an exercise, the step at hand first.
  Judgement judge(const Exercise& exercise, JudgeOptions options = {});

  /// Judges them for a record that must not hold what was true before: all steps, in their order.
  Judgement judge_anew(const Exercise& exercise);

  /// JudgeOptions::right_passed, as a note on the terminal.
  static void right_passed(std::size_t wrong_ones);

  /// Whether the sanitizers have a say: in code, not in answers.
  static bool looked_at_twice(const Exercise& exercise) { return exercise.kind != Kind::predict; }

  /// The sanitizers' verdict, told in one line when clean. Returns false when they found something.
  bool follow_up(const Exercise& exercise, Judgement& judgement, bool verbose);

  /// Adds the known bad patterns in the learner's files, where the compiler in use miscompiles
  /// them.
  void add_compiler_remarks(const Exercise& exercise, const fs::path& sources,
                            Judgement& judgement);

  /// compile_commands.json at the top: Meson's entries and one for each of the learner's files.
  void write_compile_commands();

  /// Solved modules whose contract changed in an update since: until they pass again, ours stand in
  /// for them.
  std::vector<const Exercise*> to_check_again();
  /// The same as one line to show, or empty.
  std::string check_again_notice();

  unsigned points_reached();
  unsigned points_all() const;
  unsigned solved_count();

 private:
  Judgement judge_files(const Exercise& exercise, JudgeOptions options);

  std::optional<Config> config_;
};

/// Steps upwards from the working folder to the repository; `given` (--root) wins.
fs::path find_root(const std::string& given);

}  // namespace percore::tutor
