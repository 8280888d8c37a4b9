#pragma once

#include "files.hpp"
#include "shrink.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace percore::tutor {

/// A case in which the learner's files failed, as small as it could be made.
struct Loss {
  std::string program;  ///< the stem of its file of checks
  std::string check;
  std::uint64_t seed = 0;
  SmallCase small;
  std::string headline;    ///< how it failed
  std::string files_hash;  ///< the learner's files then: of others it says nothing
};

/// What the tutor remembers of one exercise.
struct Progress {
  std::vector<std::string> steps_passed;
  bool solved = false;  ///< every step passed at a check, of the files that `files_hash` is of
  bool solution_seen = false;
  unsigned hints_shown = 0;
  std::int64_t contract = 0;  ///< the contract's version when it was solved; 0: the module has none
  std::string contract_hash;  ///< the contract's text then
  std::string files_hash;     ///< the learner's files then: later ones may fail, that stays solved
  std::optional<Loss> loss;   ///< the first of the last check, if one failed
  std::map<std::string, std::string> starter_hashes;  ///< file: the starter as it was when copied
};

/// my/.percore/state.json: text that a person can read and mend.
class State {
 public:
  /// A damaged file is kept beside as state.json.damaged-N; `notice` then says so, and the state
  /// begins anew.
  static State load(const fs::path& my);

  /// Writes what was changed here. What another tutor has recorded since load() is kept: one may be
  /// watching while another checks. Kept whole on a full disk: the old file stays.
  void save();

  /// To be changed: save() writes it.
  Progress& of(const std::string& exercise_number) {
    changed_.insert(exercise_number);
    return progress_[exercise_number];
  }
  [[nodiscard]] const Progress& at(const std::string& exercise_number) const;

  std::string current;  ///< an exercise's number, or empty
  std::string notice;   ///< one sentence for the learner, or empty

 private:
  fs::path path_;
  std::string current_then_;  ///< as it was last loaded or saved
  std::map<std::string, Progress> progress_;
  std::set<std::string> changed_;  ///< whose progress was asked for to be changed
};

}  // namespace percore::tutor
