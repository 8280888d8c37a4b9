#pragma once

#include "check_build.hpp"
#include "supervise.hpp"
#include "verdict.hpp"

#include <optional>

namespace percore::tutor {

/// One line of a check program's manifest.
struct ManifestEntry {
  std::string name, step, invariant, statement, lesson;
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0;  ///< > 0: a measurement
};

/// Runs check programs and turns each ending into a verdict.
class CheckRunner {
 public:
  /// sources   the learner's folder; root: of the repository. Both to tell places as the learner
  /// would type them.
  CheckRunner(const fs::path& root, const fs::path& sources, const fs::path& answers,
              bool sanitized)
      : root_(root), sources_(sources), answers_(answers), sanitized_(sanitized) {}

  /// The program's checks. When the program cannot even list them (it crashes before main, say),
  /// `broken` gets the verdict and the list is empty.
  std::vector<ManifestEntry> manifest(const CheckProgram& program,
                                      std::optional<CheckVerdict>& broken) const;

  /// Runs one check over all its seeds, or over one. A failure is shrunk before it is returned.
  CheckVerdict run(const CheckProgram& program, const ManifestEntry& check,
                   std::optional<std::uint64_t> seed, std::uint64_t seeds_max = UINT64_MAX) const;

  /// Runs a measurement; nothing when it failed.
  std::optional<Measured> measure(const CheckProgram& program, const ManifestEntry& check) const;

 private:
  /// How a failing case is made smaller.
  struct Shrink {
    unsigned size_percent = 100;
    std::uint64_t fault_limit = UINT64_MAX;
  };
  struct Outcome {
    CheckVerdict verdict;
    std::uint64_t faults = 0;
  };
  Outcome run_once(const CheckProgram& program, const ManifestEntry& check,
                   const std::string& seeds, Shrink shrink) const;
  CheckVerdict shrunk(const CheckProgram& program, const ManifestEntry& check, Outcome found) const;
  Supervised start(const CheckProgram& program, std::vector<std::string> words) const;
  void tell_ending(const CheckProgram& program, const Supervised& ran, CheckVerdict& verdict) const;
  void tell_crash(const CheckProgram& program, const Supervised& ran, CheckVerdict& verdict) const;
  std::string place(const CheckProgram& program, const Supervised& ran) const;

  fs::path root_, sources_, answers_;
  bool sanitized_;
};

}  // namespace percore::tutor
