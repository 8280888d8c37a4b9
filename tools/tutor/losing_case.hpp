#pragma once

#include "check_build.hpp"
#include "session.hpp"

#include <optional>
#include <string>
#include <vector>

namespace percore::tutor {

/// One run of a check program, to be looked at: the picture and the debugger show the very run that
/// the verdict told.
struct LosingCase {
  fs::path program;  ///< built, with the learner's files
  std::string check;
  std::uint64_t seed = 0;
  SmallCase small;
  bool fails = true;     ///< false: this seed passes, and is shown whole
  std::string headline;  ///< what the verdict says of it; empty when it passes

  /// The command line that runs it: the program's path first.
  [[nodiscard]] std::vector<std::string> words() const;
};

/// The case of `exercise` that was lost last, when the learner's files are still those; else they
/// are judged anew.
/// check   only of this check; empty: the first that fails.
/// seed    only of this seed.
/// Throws  a Problem where there is nothing to show: everything passes and no seed is named, it
///         does not compile, or the exercise has no runs of its own (predict, catch).
LosingCase losing_case(Session& session, const Exercise& exercise, const std::string& check,
                       std::optional<std::uint64_t> seed);

/// The same case in a program built for the debugger.
LosingCase stepped(Session& session, const Exercise& exercise, LosingCase of);

}  // namespace percore::tutor
