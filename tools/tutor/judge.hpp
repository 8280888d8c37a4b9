#pragma once

#include "check_build.hpp"
#include "verdict.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace percore::tutor {

/// What to check.
struct JudgeOptions {
  fs::path sources;                     ///< the folder that stands for my/NN-lesson
  std::optional<std::uint64_t> seed;    ///< only this one
  std::uint64_t seeds = 0;              ///< so many of each check; 0: as many as it says itself
  std::uint64_t seed_first = 0;         ///< of these
  std::vector<std::string> words = {};  ///< further ones for the check programs: a teacher's case
  std::string check;                    ///< only this one; empty: all
  /// The step at hand: compiled and judged before all others, which is a matter of time alone.
  std::string step_first;
  std::string step = {};       ///< only the programs of this one
  bool headers_ahead = true;   ///< false: each file has what it includes itself
  bool with_real = true;       ///< also the checks on the kernel's ring
  bool only_real = false;      ///< and no others
  bool thorough = false;       ///< all checks of a broken step, however many hang
  bool ask_sanitizers = true;  ///< who broke the heap, where that is all that is known of a crash
  /// Told now and then, where `seeds` is given: the check's name, seeds done, seeds in all.
  std::function<void(const std::string&, std::uint64_t, std::uint64_t)> progress = nullptr;
  /// Told what is broken of the step at hand, or null, while other steps are still judged.
  std::function<void(const std::string& step, const CheckVerdict* broken)> step_judged = nullptr;
  /// Told, from any thread, that the learner's checks pass with the right module, while the wrong
  /// ones are still tried.
  std::function<void(std::size_t wrong_ones)> right_passed = nullptr;
};

/// Compiles and runs the checks of an exercise. One child for each check. Stops at the first step
/// that is broken, because the steps build on one another. Within it all checks run if it is to be
/// thorough; else a check that hangs is the last, and so is the third that breaks: who waits for a
/// verdict is told of one thing.
class Judge {
 public:
  Judge(const Course& course, const Config& config) : course_(course), build_(course, config) {}

  [[nodiscard]] Judgement judge(const Exercise& exercise, const JudgeOptions& options) const;

  /// The same checks under AddressSanitizer and UndefinedBehaviorSanitizer, fewer seeds. For what
  /// passed, and for a heap that was broken.
  [[nodiscard]] Judgement judge_sanitized(const Exercise& exercise,
                                          const JudgeOptions& options) const;

  /// Enters, allocations and instructions an operation, the learner's and ours.
  [[nodiscard]] std::vector<Measured> measure(const Exercise& exercise,
                                              const JudgeOptions& options) const;

  [[nodiscard]] const CheckBuild& build() const { return build_; }

 private:
  void ask_who_broke_the_heap(const Exercise& exercise, const JudgeOptions& options,
                              Judgement& judgement) const;

  const Course& course_;
  CheckBuild build_;
};

}  // namespace percore::tutor
