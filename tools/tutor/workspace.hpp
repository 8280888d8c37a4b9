#pragma once

#include "course.hpp"
#include "state.hpp"

#include <string>
#include <vector>

namespace percore::tutor {

/// The learner's files: my/NN-lesson/..., copied from exercises/ when first needed. Nothing here is
/// ever overwritten or removed without a copy in my/.percore/backup/.
class Workspace {
 public:
  Workspace(const Course& course, State& state) : course_(course), state_(state) {}

  [[nodiscard]] fs::path my() const { return course_.root / "my"; }
  [[nodiscard]] fs::path lesson_folder(const Exercise& exercise) const {
    return my() / exercise.lesson;
  }
  [[nodiscard]] fs::path starter(const Exercise& exercise, const std::string& file) const {
    return course_.root / "exercises" / exercise.lesson / file;
  }

  /// Copies the starting files that are missing, and remembers which version they were.
  /// Returns the files it made, as the learner would type them.
  std::vector<std::string> prepare(const Exercise& exercise);

  /// True when every file of the exercise is in my/.
  [[nodiscard]] bool begun(const Exercise& exercise) const;

  /// True when some file differs from the starter it came from.
  [[nodiscard]] bool changed(const Exercise& exercise) const;

  /// The files whose starter was changed by an update after it was copied. The learner's file stays
  /// as it is.
  [[nodiscard]] std::vector<std::string> starters_updated(const Exercise& exercise) const;

  /// From now on the present starters count as known (after the learner was told).
  void accept_starters(const Exercise& exercise);

  /// Puts the starters back; what was there is copied to the folder returned (empty: nothing was
  /// there).
  fs::path reset(const Exercise& exercise);

  /// Puts the plain answer in place of the learner's files, with a copy of theirs in the folder
  /// returned.
  fs::path take_solution(const Exercise& exercise);

  /// The hash over the exercise's files in `folder`.
  [[nodiscard]] static std::string files_hash(const Exercise& exercise, const fs::path& folder);

  /// The contract of a build exercise's module: version and the hash of its text; version 0 when
  /// there is none.
  struct Contract {
    std::int64_t version = 0;
    std::string hash;
  };
  [[nodiscard]] Contract contract(const Exercise& exercise) const;

  /// A solved module whose contract or file changed since: it has to be checked again before it
  /// counts.
  enum class Standing { ours, mine, contract_changed, file_changed };
  [[nodiscard]] Standing standing(const Exercise& exercise) const;

 private:
  fs::path back_up(const Exercise& exercise);

  const Course& course_;
  State& state_;
};

}  // namespace percore::tutor
