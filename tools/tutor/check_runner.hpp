#pragma once

#include "check_build.hpp"
#include "shrink.hpp"
#include "supervise.hpp"
#include "verdict.hpp"

#include <optional>
#include <span>

namespace percore::tutor {

/// One line of a check program's manifest.
struct ManifestEntry {
  std::string name, step, invariant, statement, lesson;
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0;  ///< > 0: a measurement
  bool ring = false;             ///< its run can be drawn
};

/// Runs check programs and turns each ending into a verdict.
class CheckRunner {
 public:
  /// sources   the learner's folder; root: of the repository. Both to tell places as the learner
  /// would type them.
  /// build     must outlive the runner: a place is told by a program with lines, made when it is
  ///           asked for.
  CheckRunner(const CheckBuild& build, const fs::path& root, const fs::path& sources,
              const fs::path& answers, bool sanitized)
      : build_(build), root_(root), sources_(sources), answers_(answers), sanitized_(sanitized) {}

  /// Gives every check these words on its command line as well.
  void add_words(std::vector<std::string> words) { words_ = std::move(words); }

  /// The program's checks. When the program cannot even list them (it crashes before main, say),
  /// `broken` gets the verdict and the list is empty.
  std::vector<ManifestEntry> manifest(const CheckProgram& program,
                                      std::optional<CheckVerdict>& broken) const;

  /// Runs one check over all its seeds, or over one. A failure is shrunk before it is returned.
  /// shrink_budget   about how many runs that may take; 0: it is told as it was found.
  CheckVerdict run(const CheckProgram& program, const ManifestEntry& check,
                   std::optional<std::uint64_t> seed, std::uint64_t seeds_max = UINT64_MAX,
                   unsigned shrink_budget = SHRINK_BUDGET) const;

  /// Runs one check over the seeds first..last.
  CheckVerdict run_range(const CheckProgram& program, const ManifestEntry& check,
                         std::uint64_t first, std::uint64_t last, unsigned shrink_budget) const;

  /// Runs one seed's smaller case as it is, and tells it.
  CheckVerdict run_small(const CheckProgram& program, const ManifestEntry& check,
                         std::uint64_t seed, const SmallCase& small) const;

  /// Who waits for a verdict waits for these runs as well; most take four milliseconds.
  static constexpr unsigned SHRINK_BUDGET = 100;

  /// Runs a measurement; nothing when it failed. Instructions are counted until `deadline`.
  std::optional<Measured> measure(const CheckProgram& program, const ManifestEntry& check,
                                  std::chrono::steady_clock::time_point deadline) const;

 private:
  /// What came of one process. `verdict` says what the report said; where the program could not
  /// report, tell() says how it ended.
  struct Outcome {
    CheckVerdict verdict;
    Supervised ran;
    bool reported = false;
  };
  Outcome run_once(const CheckProgram& program, const ManifestEntry& check,
                   const std::string& seeds, const SmallCase& small, bool hangs = false) const;
  CheckVerdict tell(const CheckProgram& program, Outcome outcome) const;
  CheckVerdict shrunk(const CheckProgram& program, const ManifestEntry& check, Outcome found,
                      unsigned budget) const;
  Supervised start(const CheckProgram& program, std::vector<std::string> words,
                   bool hangs = false) const;
  void tell_ending(const CheckProgram& program, const Supervised& ran, CheckVerdict& verdict) const;
  void tell_crash(const CheckProgram& program, const Supervised& ran, CheckVerdict& verdict) const;
  std::string place(const CheckProgram& program, const Supervised& ran) const;
  static std::span<const std::uint64_t> with_lines(const CheckProgram& program,
                                                   const std::vector<std::uint64_t>& addresses);

  const CheckBuild& build_;
  fs::path root_, sources_, answers_;
  std::vector<std::string> words_;
  bool sanitized_;
};

}  // namespace percore::tutor
